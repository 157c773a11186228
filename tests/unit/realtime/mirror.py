"""A client that believes what it is told, and checks that it can: what holds of any run of server events."""

from __future__ import annotations

from typing import Any


class Mirror:
    """`order` are the conversation's items as a client keeps them, `open` the responses not ended yet."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.open: dict[str, dict[str, Any]] = {}
        self.cancelled: set[str] = set()
        self.ended: set[str] = set()
        self.heard: dict[tuple[str, int], str] = {}
        self._event_ids: set[str] = set()
        self._is_listening_only = False

    def check(self, event: dict[str, Any]) -> None:
        assert event["event_id"] not in self._event_ids
        self._event_ids.add(event["event_id"])
        kind = event["type"]
        if kind.startswith("session."):
            self._is_listening_only = event["session"]["type"] == "transcription"
        elif kind.startswith(("response.", "output_audio_buffer.", "rate_limits.")):
            assert not self._is_listening_only
            self._check_response(kind, event)
        elif kind.startswith("conversation.item."):
            self._check_item(kind.removeprefix("conversation.item."), event)

    # -- items

    def _check_item(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "added":
            item_id, previous = event["item"]["id"], event["previous_item_id"]
            assert item_id not in self.order
            self.order.insert(0 if previous is None else self.order.index(previous) + 1, item_id)
            self.heard = {place: words for place, words in self.heard.items() if place[0] != item_id}
        elif kind == "done":
            at = self.order.index(event["item"]["id"])
            assert event["previous_item_id"] == (self.order[at - 1] if at else None)
        elif kind == "deleted":
            self.order.remove(event["item_id"])
        elif kind in ("retrieved", "truncated"):
            assert (event["item"]["id"] if kind == "retrieved" else event["item_id"]) in self.order
        elif kind.endswith(("completed", "failed")):
            place = (event["item_id"], event["content_index"])
            assert place not in self.heard, "told twice"
            if event["item_id"] in self.order:
                self.heard[place] = event.get("transcript", "")

    # -- responses

    def _check_response(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "response.created":
            self._begin(event["response"])
        elif kind == "response.done":
            self._end(event["response"])
        elif kind.startswith("response."):
            assert event["response_id"] in self.open, "an event outside its response"
            self._within(kind.removeprefix("response."), event, self.open[event["response_id"]])

    def _begin(self, response: dict[str, Any]) -> None:
        assert response["id"] not in self.open
        assert response["id"] not in self.ended
        others = [each["conversation_id"] for each in self.open.values()]
        assert response["conversation_id"] is None or response["conversation_id"] not in others
        self.open[response["id"]] = response | {"items": {}, "parts": {}}

    def _end(self, response: dict[str, Any]) -> None:
        open_ = self.open.pop(response["id"])
        self.ended.add(response["id"])
        assert response["usage"] is not None
        assert response["metadata"] == open_["metadata"]
        assert response["status"] != "in_progress"
        assert [item["id"] for item in response["output"]] == list(open_["items"])
        assert all(open_["items"].values()), "an item without its end"

    def _within(self, kind: str, event: dict[str, Any], response: dict[str, Any]) -> None:
        items, parts = response["items"], response["parts"]
        if kind == "output_item.added":
            assert event["output_index"] == len(items)
            items[event["item"]["id"]] = False
            return
        item_id = event["item"]["id"] if "item" in event else event["item_id"]
        assert list(items)[event["output_index"]] == item_id
        assert not items[item_id], "an event after the item's end"
        if kind == "output_item.done":
            items[item_id] = True
            assert parts.get(item_id, "closed") == "closed"
        elif kind == "content_part.added":
            parts[item_id] = "open"
        elif kind == "content_part.done":
            parts[item_id] = "closed"
        elif not kind.startswith("function_call"):
            assert parts[item_id] == "open", "an event outside its part"
        if kind.endswith(".delta"):
            assert event["response_id"] not in self.cancelled, "a delta after the cancellation"
