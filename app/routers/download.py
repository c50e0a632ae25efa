"""Documents to keep as a file, streamed while they are read."""

from urllib.parse import quote

from fastapi.responses import StreamingResponse

from app.kit.download import Download, gathered


def download_response(download: Download) -> StreamingResponse:
    """The document under its name, for browsers that know RFC 6266 and for those that do not."""
    name = download.file_name
    plain = "".join(sign if sign.isascii() and sign not in '"\\%' else "_" for sign in name)
    disposition = f'attachment; filename="{plain}"'
    if plain != name:
        disposition += f"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return StreamingResponse(gathered(download.pieces), media_type=download.media_type, headers=headers)
