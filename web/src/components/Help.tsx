import type { ReactNode } from "react";
import type { MicrophoneProblem } from "../audio/microphone";
import { Button } from "./ui/button";

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section
      role="alert"
      className="w-full max-w-md rounded-2xl border border-problem/60 bg-sheet p-4 text-left text-sm [&_code]:break-all [&_code]:rounded [&_code]:bg-sunken [&_code]:px-1 [&_li]:mt-1.5 [&_p]:mt-1.5"
    >
      <h2 className="font-serif text-lg text-problem italic">{title}</h2>
      {children}
    </section>
  );
}

const problems: Record<Exclude<MicrophoneProblem, "insecure">, { title: string; cure: string }> = {
  blocked: {
    title: "The microphone is blocked",
    cure: "Your browser does not let this page listen. Open the site settings beside the address, allow the microphone, and try again. On a phone or a Mac the browser itself also needs leave, in the system's privacy settings.",
  },
  missing: {
    title: "No microphone was found",
    cure: "Plug one in or switch it on, and try again.",
  },
  busy: {
    title: "The microphone cannot be opened",
    cure: "Another program may be using it. Close that program, or choose another microphone, and try again.",
  },
};

type MicrophoneHelpProps = { problem: MicrophoneProblem; onRetry(): void };

export function MicrophoneHelp({ problem, onRetry }: MicrophoneHelpProps) {
  if (problem === "insecure") return <InsecureHelp />;
  const { title, cure } = problems[problem];
  return (
    <Card title={title}>
      <p>{cure}</p>
      <p>Writing works meanwhile, and is answered aloud.</p>
      <Button className="mt-3" onClick={onRetry}>
        Try again
      </Button>
    </Card>
  );
}

/** Browsers give the microphone to secure pages only: https, or the machine itself. */
function InsecureHelp() {
  const port = location.port || "80";
  return (
    <Card title="This page cannot use the microphone here">
      <p>
        Browsers allow it on <code>https</code> and on the machine itself, and this page came over plain http
        from <code>{location.host}</code>. Any one of these opens it:
      </p>
      <ul className="list-disc pl-5">
        <li>
          A tunnel from this computer: <code>{`ssh -L ${port}:127.0.0.1:${port} ${location.hostname}`}</code>,
          then open <code>{`http://localhost:${port}`}</code>.
        </li>
        <li>
          On a tailnet: <code>{`tailscale serve ${port}`}</code> gives the page an https address.
        </li>
        <li>
          A reverse proxy with a certificate in front of Sottovoce, such as Caddy with its internal CA or
          mkcert.
        </li>
      </ul>
      <p>Writing works here too.</p>
    </Card>
  );
}
