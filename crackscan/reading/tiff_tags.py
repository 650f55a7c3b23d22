"""Tags of a TIFF that GDAL cannot open, as Pillow reads them."""

from PIL import Image

POSITION_TAGS = {33550, 33922, 34264, 34735}  # pixel scale, tie points, transform and keys of a GeoTIFF


def is_damaged_survey(path: str) -> bool:
    """Return whether a TIFF that GDAL cannot open is not a photo: it has a position, or cannot be read."""
    try:
        with Image.open(path) as image:
            return not POSITION_TAGS.isdisjoint(getattr(image, "tag_v2", ()))
    except Image.DecompressionBombError:
        return True  # larger than any photo
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno is not None  # refused by the system, so nobody knows what it is
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything on broken bytes
        return False
