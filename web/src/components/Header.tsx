import { Blocks, Keyboard, Monitor, Moon, Sun } from "lucide-react";
import type { Theme } from "../session/preferences";
import type { ServerStatus } from "../status/status";
import { EngineChip } from "./EngineChip";
import { Button } from "./ui/button";

const themes: Record<Theme, { icon: typeof Sun; next: Theme; name: string }> = {
  system: { icon: Monitor, next: "light", name: "as the system" },
  light: { icon: Sun, next: "dark", name: "light" },
  dark: { icon: Moon, next: "system", name: "dark" },
};

type HeaderProps = {
  status: ServerStatus | null;
  theme: Theme;
  onThemeChange(theme: Theme): void;
  onShowModels(): void;
  onShowKeys(): void;
};

export function Header({ status, theme, onThemeChange, onShowModels, onShowKeys }: HeaderProps) {
  const { icon: ThemeIcon, next, name } = themes[theme];
  return (
    <header className="safe-x flex items-center gap-1 pt-[max(0.5rem,env(safe-area-inset-top))] pb-1">
      <h1 className="mr-auto font-serif text-2xl italic tracking-tight">Sottovoce</h1>
      <EngineChip status={status} onShowModels={onShowModels} />
      <Button variant="ghost" onClick={onShowModels} aria-label="Models">
        <Blocks aria-hidden />
      </Button>
      <Button
        variant="ghost"
        onClick={() => onThemeChange(next)}
        aria-label={`Appearance: ${name}. Change to ${themes[next].name}`}
      >
        <ThemeIcon aria-hidden />
      </Button>
      <Button variant="ghost" onClick={onShowKeys} aria-label="Keys">
        <Keyboard aria-hidden />
      </Button>
    </header>
  );
}
