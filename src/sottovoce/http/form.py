"""Multipart forms, read only when they are whole."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser


class FormParser(MultiPartParser):
    """Starlette's, which takes a form that breaks off for one with fewer parts."""

    _is_whole = False

    async def parse(self) -> FormData:
        """Raises `MultiPartException` for a form that cannot be read, or lacks its end."""
        form = await super().parse()
        if self._is_whole:
            return form
        for file in self._files_to_close_on_error:
            file.close()
        raise MultiPartException("it was cut off, its last boundary is missing.")

    def on_end(self) -> None:
        self._is_whole = True
