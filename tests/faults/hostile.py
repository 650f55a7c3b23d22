"""Files and names that try to open a connection or start a program when something reads them."""

import json
from pathlib import Path

from makers import make_mosaic, make_photo

ADDRESS = "http://127.0.0.1:9/x"  # where nobody answers; an attempt is counted all the same
VRT = (
    '<VRTDataset rasterXSize="448" rasterYSize="448">{}'
    '<VRTRasterBand dataType="Byte" band="1"{}>{}</VRTRasterBand></VRTDataset>'
)
SOURCE = "<SimpleSource><SourceFilename>{}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
MASK = '<MaskBand><VRTRasterBand dataType="Byte">{}</VRTRasterBand></MaskBand>'
PYTHON = (
    "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
    "<PixelFunctionCode>import os\ndef f(*a, **k): os.system('true')</PixelFunctionCode>"
)
POSTSCRIPT = (
    "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n%%EndComments\n(%pipe%true) (r) file\nshowpage\n"
)
WMS = (
    f"<GDAL_WMS><Service name='WMS'><ServerUrl>{ADDRESS}?</ServerUrl><Layers>x</Layers></Service><DataWindow>"
    "<UpperLeftX>0</UpperLeftX><UpperLeftY>1</UpperLeftY><LowerRightX>1</LowerRightX><LowerRightY>0</LowerRightY>"
    "<SizeX>448</SizeX><SizeY>448</SizeY></DataWindow><BandsCount>3</BandsCount></GDAL_WMS>"
)
STAC = json.dumps(
    {
        "stac_version": "1.0.0",
        "type": "Feature",
        "assets": {"x": {"href": f"{ADDRESS}.tif", "type": "image/tiff"}},
        "links": [{"rel": "next", "href": ADDRESS}],
    }
)
TEXTS = {  # by the name of a file in a folder of photos
    "eps.jpg": POSTSCRIPT,
    "eps.tif": POSTSCRIPT,
    "pdf.png": "%PDF-1.7\n1 0 obj <</OpenAction <</S /Launch /F (true)>>>> endobj\n%%EOF\n",
    "svg.png": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{ADDRESS}.png"/></svg>',
    "html.jpg": f'<html><img src="{ADDRESS}.jpg"></html>',
    "wms.tif": WMS,
    "wms.jpg": WMS,
    "wcs.tif": f"<WCS_GDAL><ServiceURL>{ADDRESS}?</ServiceURL><CoverageName>x</CoverageName></WCS_GDAL>",
    "wmts.tif": f"<GDAL_WMTS><GetCapabilitiesUrl>{ADDRESS}</GetCapabilitiesUrl></GDAL_WMTS>",
    "gti.tif": f"<GDALTileIndexDataset><IndexDataset>{ADDRESS}</IndexDataset></GDALTileIndexDataset>",
    "stac.tif": STAC,
    "eedai.tif": f'{{"type": "EEDAI", "url": "{ADDRESS}"}}',
    "address.tif": ADDRESS,
    "vsicurl.tif": f"/vsicurl/{ADDRESS}",
    "curl.vrt": VRT.format("", "", SOURCE.format(f"/vsicurl/{ADDRESS}.tif")),
    "address.vrt": VRT.format("", "", SOURCE.format(f"{ADDRESS}.tif")),
    "streaming.vrt": VRT.format("", "", SOURCE.format(f"/vsicurl_streaming/{ADDRESS}.tif")),
    "bucket.vrt": VRT.format("", "", SOURCE.format("/vsis3/bucket/x.tif")),
    "archive.vrt": VRT.format("", "", SOURCE.format(f"/vsizip//vsicurl/{ADDRESS}.zip/x.tif")),
    "service.vrt": VRT.format("", "", SOURCE.format(f"WMS:{ADDRESS}")),
    "text.vrt": VRT.format("", "", SOURCE.format(WMS.replace("<", "&lt;"))),
    "python.vrt": VRT.format("", ' subClass="VRTDerivedRasterBand"', PYTHON + SOURCE.format("beside.tif")),
    "renamed.tif": VRT.format("", "", SOURCE.format(f"/vsicurl/{ADDRESS}.tif")),
    "system.vrt": VRT.format(f"<SRS>{ADDRESS}</SRS>", "", ""),
    "mask.vrt": VRT.format(MASK.format(SOURCE.format(f"/vsicurl/{ADDRESS}")), "", ""),
    "entity.vrt": f'<!DOCTYPE a [<!ENTITY b SYSTEM "{ADDRESS}">]><VRTDataset>&b;</VRTDataset>',
    "curve.jp2": f'<?xml version="1.0"?><x href="{ADDRESS}"/>',
}
BESIDE = {  # a good mosaic, by the ending of what lies beside it
    ".aux.xml": f"<PAMDataset><SRS>{ADDRESS}</SRS><Metadata><MDI>{ADDRESS}</MDI></Metadata></PAMDataset>",
    ".msk": WMS,
    ".ovr": WMS,
    ".vat.dbf": ADDRESS,
    ".RPB": ADDRESS,
    ".tfw": ADDRESS,
}
XMP = (
    f'<!DOCTYPE x [<!ENTITY e SYSTEM "{ADDRESS}"><!ENTITY % p SYSTEM "{ADDRESS}"> %p;]>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:d="http://www.dji.com/drone-dji/1.0/" d:GpsLatitude="&e;"/></rdf:RDF></x:xmpmeta>'
)
PATHS = (  # in a list; an address there, such as https://, is one that the user asks for
    f"/vsicurl/{ADDRESS}.tif",
    f"/vsizip//vsicurl/{ADDRESS}.zip",
    f"WMS:{ADDRESS}",
    f"NETCDF:{ADDRESS}",
    "ftp://127.0.0.1:9/x.jpg",
    "//127.0.0.1/share/x.tif",
    "PG:host=127.0.0.1 port=9",
    "|true",
    "`true`.jpg",
    "$(true).jpg",
    "true; true |",
)
OGR_VRT = "<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
NO_SHAPES = {"type": "FeatureCollection", "features": []}
AREAS = {
    "vrt.geojson": OGR_VRT.format(f"/vsicurl/{ADDRESS}"),
    "wfs.geojson": f"<OGRWFSDataSource><URL>{ADDRESS}</URL></OGRWFSDataSource>",
    "link.geojson": json.dumps(NO_SHAPES | {"crs": {"type": "link", "properties": {"href": ADDRESS}}}),
    "named.geojson": json.dumps(NO_SHAPES | {"crs": {"type": "name", "properties": {"name": ADDRESS}}}),
    "address.gpkg": f"/vsicurl/{ADDRESS}.gpkg",
}
SYSTEMS = (
    ADDRESS,
    f"/vsicurl/{ADDRESS}",
    f"/vsicurl/{ADDRESS}.prj",
    "http://www.opengis.net/def/crs/EPSG/0/999999",
)
TABLES = {"geo.txt": f"{ADDRESS}\nphoto.jpg 8 47\n", "geo.csv": f"{ADDRESS},{ADDRESS}\n"}


class Hostile:
    """All files that try it, in a folder; and the arguments of scans that read them."""

    def __init__(self, folder: Path) -> None:
        """Write them."""
        self._site, self._options = folder / "site", folder / "options"
        self._beside = self._site / "beside"
        self._photo = make_photo(folder / "photo.jpg")
        self._write_site()
        self._options.mkdir()
        (self._options / "list").write_text("".join(f"{path}\n" for path in (*PATHS, self._photo)))
        for name, text in (AREAS | TABLES).items():
            (self._options / name).write_text(text)

    def _write_site(self) -> None:
        self._beside.mkdir(parents=True)
        self._mosaic = make_mosaic(self._site / "beside.tif", width=448, height=448)
        for name, text in TEXTS.items():
            (self._site / name).write_text(text)
        for ending, text in BESIDE.items():
            mosaic = make_mosaic(self._beside / f"{ending[1:]}.tif", width=448, height=448)
            replaces = ending in {".RPB", ".tfw"}
            (mosaic.with_suffix(ending) if replaces else Path(f"{mosaic}{ending}")).write_text(text)
        make_photo(self._site / "xmp.jpg", xmp=XMP.encode())

    def together(self) -> list[list[str]]:
        """Return the arguments of scans that read all of them."""
        kinds: tuple[list[str], ...] = ([], ["--as", "photo"], ["--as", "mosaic"])
        return [
            *([str(self._site), *kind] for kind in kinds),
            *(["--from-file", str(self._options / "list"), *kind] for kind in kinds),
            *([str(self._photo), "--aoi", str(self._options / name)] for name in AREAS),
            *([str(self._photo), "--geo", str(self._options / name)] for name in TABLES),
            *([str(self._mosaic), "--crs", system] for system in SYSTEMS),
        ]

    def one_by_one(self) -> list[list[str]]:
        """Return the arguments of scans of each file, as a photo and as a mosaic."""
        files = [path for path in sorted(self._site.rglob("*")) if path.is_file()]
        return [[str(path), "--as", kind] for path in files for kind in ("photo", "mosaic")]
