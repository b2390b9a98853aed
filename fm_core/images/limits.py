"""What an upload may cost, in one place, and the sentence for one that costs more."""

from dataclasses import dataclass

from fm_core.refusals import Refusal

MB = 2**20  # bytes
MAX_FILES = 64  # files at a time
MAX_IMAGES = 64  # images at a time, whatever the files they come from
MAX_BYTES = 26 * MB  # of one file: Fashion-MNIST's gzipped training images have 25.2, Kaggle's CSV of its test set 21.2
MAX_UNPACKED = 64 * MB  # bytes that one file may unpack to
MAX_DIRECTORY = 1 * MB  # bytes of a zip file's table of contents, which is read as a whole
MAX_LINE = 32 * 1024  # bytes of one line of a table: 785 numbers of 40 characters


@dataclass(frozen=True)
class Decoding:
    """What decoding pictures may cost: each of them, and together those of one request."""

    pixels: int = 25_000_000  # width times height
    side: int = 10_000  # pixels
    scans: int = 32  # of a JPEG; each may touch every pixel again, and programs write about ten
    total_bytes: int = 64 * MB  # of all files
    seconds: int = 10  # of one core, for all; enforced on Linux and macOS
    wall_seconds: float = 60  # for all, however busy the machine
    memory: int = 768 * MB  # bytes of the process that decodes, of which 25 megapixels take 420 MB; enforced on Linux


DECODING = Decoding()
ACCEPTED = (
    "PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF and BMP pictures, zip files of them, "
    "and .npy, .npz, IDX and CSV files of 28×28 images"
)


class UploadError(Refusal):
    """A file that cannot be used; one sentence says which, what is wrong and what is accepted."""
