"""Responses that browsers save as a file, streamed while the content is read."""

from urllib.parse import quote

from fastapi.responses import StreamingResponse

from app.kit.download import Download, buffered


def download_response(download: Download) -> StreamingResponse:
    """Stream a document under its file name, which is also given in ASCII for clients without RFC 6266."""
    name = download.file_name
    plain = "".join(sign if sign.isascii() and sign not in '"\\%' else "_" for sign in name)
    disposition = f'attachment; filename="{plain}"'
    if plain != name:
        disposition += f"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return StreamingResponse(buffered(download.pieces), media_type=download.media_type, headers=headers)
