import { Dialog } from "./ui/dialog";
import { Switch } from "./ui/switch";

const keys: readonly [string, string][] = [
  ["Space", "Hold to talk; let go and it answers"],
  ["M", "Mute or unmute the microphone"],
  ["Esc", "Stop the assistant"],
  ["/", "Write"],
  ["?", "This list"],
];

type KeysDialogProps = {
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
  hasSingleKeys: boolean;
  onSingleKeysChange(isOn: boolean): void;
};

export function KeysDialog({ isOpen, onOpenChange, hasSingleKeys, onSingleKeysChange }: KeysDialogProps) {
  return (
    <Dialog
      title="Keys"
      description="They rest while you write. Space still presses a button that has the focus."
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      <dl className="my-4 grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2.5">
        {keys.map(([key, meaning]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="inline-block min-w-9 rounded-md border border-edge bg-paper px-2 py-0.5 text-center text-sm">
                {key}
              </kbd>
            </dt>
            <dd className={hasSingleKeys || key === "Esc" ? undefined : "text-quiet line-through"}>
              {meaning}
            </dd>
          </div>
        ))}
      </dl>
      <div className="border-rule border-t pt-3">
        <Switch
          label="Single keys"
          hint="Switch them off if you dictate, or press keys by accident."
          isOn={hasSingleKeys}
          onChange={onSingleKeysChange}
        />
      </div>
    </Dialog>
  );
}
