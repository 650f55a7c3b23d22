"""Photos as drones write them: EXIF with a position and a lens, and the XMP of each manufacturer.

The packets have the names, namespaces and value types of published ones: DJI's as in the photos of
shared/data/drone-photos, Parrot's as in its documentation (groundsdk-tools, photo-metadata), Autel's as from
an XT705 and from older firmware, senseFly's as in a photo by an eBee.
"""

from pathlib import Path
from typing import Any

from makers import make_photo
from PIL import ExifTags, Image

GPS, BASE = ExifTags.GPS, ExifTags.Base
LON, LAT = 15.5, 55.2
FOCAL_35MM = 24

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    "{}\n</rdf:RDF></x:xmpmeta>\n<?xpacket end='w'?>\0"
)


def packet(description: str) -> bytes:
    """Return an XMP packet as a camera writes it, with the zero byte that some put at its end."""
    return _PACKET.format(description).encode()


def dji(*, prefix: str = "drone-dji", **changes: str) -> bytes:
    """Return the XMP of a DJI: all properties are attributes; newer Autels only use another prefix."""
    values = {
        "AbsoluteAltitude": "+198.31",
        "RelativeAltitude": "+39.80",
        "GimbalRollDegree": "+0.00",
        "GimbalYawDegree": "+45.00",
        "GimbalPitchDegree": "-89.90",
        "FlightRollDegree": "+3.00",
        "FlightYawDegree": "+46.00",
        "FlightPitchDegree": "+1.80",
    } | changes
    attributes = " ".join(f'{prefix}:{name}="{value}"' for name, value in values.items() if value)
    return packet(
        '<rdf:Description rdf:about="DJI Meta Data" '
        f'xmlns:{prefix}="http://www.dji.com/drone-dji/1.0/" {attributes}></rdf:Description>'
    )


PARROT = packet(
    '<rdf:Description rdf:about="" xmlns:Camera="http://pix4d.com/camera/1.0"'
    ' xmlns:drone-parrot="http://www.parrot.com/drone-parrot">'
    "<Camera:Yaw>146.781036</Camera:Yaw><Camera:Pitch>38.011101</Camera:Pitch>"
    "<Camera:Roll>-0.041258</Camera:Roll>"
    "<Camera:AboveGroundAltitude>11485529/262144</Camera:AboveGroundAltitude>"
    "<drone-parrot:CameraRollDegree>-0.052789</drone-parrot:CameraRollDegree>"
    "<drone-parrot:CameraPitchDegree>-51.988888</drone-parrot:CameraPitchDegree>"
    "<drone-parrot:CameraYawDegree>146.848038</drone-parrot:CameraYawDegree></rdf:Description>"
)
AUTEL = dji(
    prefix="drone", AbsoluteAltitude="+513.00", GpsLatitude="47.64368732", GpsLongtitude="16.47592717",
    CalibratedFocalLength="4404.166667", GimbalYawDegree="-148.96",
)  # fmt: skip
OLD_AUTEL = packet(
    '<rdf:Description rdf:about="Autel Robotics Meta Data" xmlns:Camera="http://pix4d.com/camera/1.0"'
    ' Camera:Pitch="30.000000" Camera:Yaw="-101.5" Camera:Roll="0.000000"/>'
)
SENSEFLY = packet(
    '<rdf:Description rdf:about="" xmlns:Camera="http://ns.sensefly.com/Camera/1.0/">'
    "<Camera:Yaw>278.5</Camera:Yaw><Camera:Pitch>3.1</Camera:Pitch><Camera:Roll>-2.4</Camera:Roll>"
    '</rdf:Description><rdf:Description rdf:about="" xmlns:DLS="http://micasense.com/DLS/1.0/">'
    "<DLS:Yaw>12.0</DLS:Yaw><DLS:Pitch>1.0</DLS:Pitch></rdf:Description>"
)


def drone_exif(**gps: Any) -> Image.Exif:
    """Return the EXIF of a photo at LON, LAT, altitude 200 m, with a 24 mm lens; `gps` changes tags."""
    exif = Image.Exif()
    exif[BASE.Make] = "DJI\0\0"
    tags: dict[str, Any] = {
        "GPSLatitudeRef": "N",
        "GPSLatitude": (LAT, 0.0, 0.0),
        "GPSLongitudeRef": "E",
        "GPSLongitude": (LON, 0.0, 0.0),
        "GPSAltitude": 200.0,
    }
    numbered = {GPS[name]: value for name, value in (tags | gps).items() if value is not None}
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(numbered)
    exif.get_ifd(ExifTags.IFD.Exif).update({BASE.FocalLengthIn35mmFilm: FOCAL_35MM})
    return exif


def make_drone_photo(
    path: Path,
    xmp: bytes | None = None,
    *,
    exif: Image.Exif | None = None,
    width: int = 320,
    height: int = 240,
) -> Path:
    """Write a JPEG with its XMP in an APP1 segment of its own, as cameras do."""
    make_photo(path, width=width, height=height, exif=drone_exif() if exif is None else exif)
    if xmp is not None:
        content = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        segment = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
        jpeg = path.read_bytes()
        path.write_bytes(jpeg[:2] + segment + jpeg[2:])
    return path
