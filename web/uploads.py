"""What is uploaded waits on the disk of the data folder: the temporary folder of the system may be memory."""

from tempfile import SpooledTemporaryFile
from typing import IO, cast

from flask import Request

from web.context import box

IN_MEMORY = 512 * 1024


class UploadRequest(Request):
    """A request whose longer files have no name in the data folder, and are gone with it."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        folder = str(box().places.data)
        return cast(IO[bytes], SpooledTemporaryFile(max_size=IN_MEMORY, dir=folder))
