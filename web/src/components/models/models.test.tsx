import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { type FeedSnapshot, ModelFeed } from "../../models/feed";
import type { Model } from "../../models/model";
import { emptyShelf, withList } from "../../models/shelf";
import { downloading, inUse, listOf, modelOf } from "../../test/models";
import { ModelNews } from "./ModelNews";
import ModelsDialog from "./ModelsDialog";

const offer = {
  models: [modelOf("voice")],
  download_bytes: 2_000_000,
  free_bytes: 9_000_000_000,
  has_room: true,
  is_first_run: true,
  is_offline: false,
  is_reachable: true,
  hub: "hub.example.org",
  may_change: true,
};

function parts(...models: Model[]) {
  const list = listOf(...models);
  const change = vi.fn(async () => list);
  const feed = new ModelFeed({ change, fetchModels: async () => list, openEvents: () => () => {} });
  const snapshot: FeedSnapshot = { shelf: withList(emptyShelf, list), problem: null, busy: [] };
  return { feed, snapshot, change };
}

function showNews(props: Partial<Parameters<typeof ModelNews>[0]>, ...models: Model[]) {
  const { change, ...given } = parts(...models);
  const onDecline = vi.fn();
  const more = { offer: null, isCompact: false, onDecline, onShowAll: vi.fn() };
  render(<ModelNews {...given} {...more} {...props} />);
  return { change, onDecline };
}

describe("the offer", () => {
  it("names models, sizes, licences and where they come from, and begins with one button", async () => {
    const { change } = showNews({ offer });
    expect(screen.getByText("The voice")).toBeDefined();
    expect(screen.getByText(/2\.0 MB to download from hub\.example\.org; 9\.0 GB of disk/)).toBeDefined();
    expect(screen.getByRole("link").getAttribute("href")).toBe("https://example.org/mit");
    await userEvent.click(screen.getByRole("button", { name: "Download and use" }));
    expect(change).toHaveBeenCalledExactlyOnceWith({ do: "pull", ids: ["voice"], isForUse: true });
  });

  it("cannot be taken where the disk has no room, and says so", () => {
    showNews({ offer: { ...offer, has_room: false } });
    expect(screen.getByRole("button", { name: "Download and use" })).toHaveProperty("disabled", true);
    expect(screen.getByText(/not enough room/)).toBeDefined();
  });

  it("is one line during a conversation", async () => {
    const { onDecline } = showNews({ offer, isCompact: true });
    expect(screen.queryByText("The voice")).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Have a look" }));
    expect(screen.getByText("The voice")).toBeDefined();
    await userEvent.click(screen.getByRole("button", { name: "Not now" }));
    expect(onDecline).toHaveBeenCalledTimes(1);
  });

  it("links to the web alone, whatever an entry says", () => {
    showNews({ offer: { ...offer, models: [modelOf("voice", { license_url: "file:///etc/passwd" })] } });
    expect(screen.queryByRole("link")).toBeNull();
  });

  it("is nothing where there is none", () => {
    showNews({});
    expect(screen.queryByRole("region")).toBeNull();
  });
});

describe("models on their way", () => {
  it("show how far each is, and can be called off", () => {
    showNews({}, downloading("voice"));
    const bar = screen.getByRole("progressbar", { name: "The voice, downloading" });
    expect(bar.getAttribute("aria-valuenow")).toBe("25");
    expect(bar.getAttribute("aria-valuetext")).toContain("15 s left");
    expect(screen.getByRole("status").textContent).toBe("Downloading: The voice.");
    expect(screen.getByRole("button", { name: "Cancel" })).toBeDefined();
  });

  it("are one bar during a conversation", () => {
    showNews({ isCompact: true }, downloading("voice"), downloading("ear"));
    const bar = screen.getByRole("progressbar", { name: "Downloads" });
    expect(bar.getAttribute("aria-valuetext")).toBe("25 % · 0.2 MB/s · 15 s left");
  });
});

describe("the dialog", () => {
  const open = (models: Model[], change: Partial<FeedSnapshot> = {}) => {
    const { feed, snapshot, change: asked } = parts(...models);
    render(<ModelsDialog feed={feed} snapshot={{ ...snapshot, ...change }} isOpen onOpenChange={() => {}} />);
    return asked;
  };
  const rowOf = (title: string) => within(screen.getByText(title).closest("li") as HTMLElement);

  it("has the models by kind, and the unfit behind a fold with why and what instead", () => {
    const big = modelOf("big", { fit: { verdict: "no", reason: "needs 4 cores", instead: "voice" } });
    open([modelOf("voice"), big, inUse("ear", { kind: "stt" })]);
    expect(screen.getByRole("region", { name: "Hearing" }).textContent).toContain("in use");
    expect(screen.getByText("One that does not fit this machine").tagName).toBe("SUMMARY");
    expect(rowOf("The big").getByText("Does not fit: needs 4 cores. Take The voice instead.")).toBeDefined();
  });

  it("says what a model speaks, weighs and holds", () => {
    open([modelOf("voice", { languages: ["en", "fr"], memory_bytes: 900_000_000 })]);
    expect(
      rowOf("The voice").getByText(/English, French · 2\.0 MB to download · 900 MB of memory ·/),
    ).toBeDefined();
  });

  it("asks before it removes", async () => {
    const change = open([inUse("voice", { in_use: false })]);
    await userEvent.click(screen.getByRole("button", { name: "Remove: The voice" }));
    expect(change).not.toHaveBeenCalled();
    expect(document.activeElement?.textContent).toBe("Keep it");
    await userEvent.click(screen.getByRole("button", { name: "Remove 2.0 MB" }));
    expect(change).toHaveBeenCalledExactlyOnceWith({ do: "remove", id: "voice", isForced: true });
  });

  it("shows a refusal where it belongs", () => {
    open([modelOf("voice")], { problem: { id: "voice", text: "The disk is full." } });
    expect(rowOf("The voice").getByRole("alert").textContent).toBe("The disk is full.");
  });

  it("shows at the top what belongs to no model", () => {
    open([modelOf("voice")], { problem: { id: null, text: "The server did not answer." } });
    expect(screen.getByRole("alert").closest("li")).toBeNull();
  });

  it("offers nothing to who may not change anything", () => {
    const list = { ...listOf(modelOf("voice")), may_change: false };
    open([], { shelf: withList(emptyShelf, list) });
    expect(screen.getAllByRole("button")).toEqual([screen.getByRole("button", { name: "Close" })]);
    expect(screen.getByText(/takes a key with the scope/)).toBeDefined();
  });
});
