"""What an image may be."""

from base64 import b64encode
from collections.abc import Mapping

from contracts.suite import drawing
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken
from contracts.suite.judging import accepted, refused
from contracts.suite.lives import IMAGE as SAMPLE
from contracts.suite.lives import status_of
from contracts.suite.paper import at
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

IMAGE = "#/components/schemas/Image"
RULES = f"{IMAGE}/x-kling-image"


def _with(*images: bytes | str) -> dict[str, object]:
    texts = [image if isinstance(image, str) else b64encode(image).decode() for image in images]
    return {"image_list": [{"image": text} for text in texts], "prompt": "a dog"}


def _rules(stage: Stage) -> Mapping[str, int]:
    rules: Mapping[str, int] = at(stage.paper.raw, RULES)
    return rules


@promise("#/x-kling-messages/situations/not_base64")
def an_image_with_a_data_prefix_is_refused(stage: Stage) -> None:
    """Only the raw Base64 goes there."""
    side = _rules(stage)["min_side_px"]
    image = f"data:image/png;base64,{b64encode(drawing.png(side, side)).decode()}"
    refused(stage.account.probe(_with(image)), stage.paper.verdicts("not_base64"), "images carry no `data:` prefix")


@promise("#/x-kling-messages/situations/not_base64")
def an_image_that_is_no_base64_is_refused(stage: Stage) -> None:
    """Neither an address nor Base64 is no image."""
    for text in ("!!! no Base64 !!!", "dog.png"):
        refused(stage.account.probe(_with(text)), stage.paper.verdicts("not_base64"), "the image is no Base64")


@promise(RULES)
def an_image_beyond_its_limits_makes_no_video(stage: Stage) -> None:
    """Too small, too long, no JPEG or PNG: refused at once or failed later; real services do both."""
    side, ratio = _rules(stage)["min_side_px"], _rules(stage)["max_ratio"]
    wide = int(side * ratio) + 2
    unfit = {
        "it is too narrow": drawing.png(side - 1, side),
        "it is too low": drawing.png(side, side - 1),
        "it is a JPEG too narrow": drawing.jpeg(width=side - 1),
        "it is a JPEG too low": drawing.jpeg(height=side - 1),
        "it is too wide": drawing.png(wide, side),
        "it is too high": drawing.png(side, wide),
        "it is a GIF": drawing.gif(side, side),
        "it is a WebP": drawing.webp(side, side),
        "it is no image": b"no image at all, but some text of several words",
    }
    for why, image in unfit.items():
        _makes_no_video(stage, stage.account.probe(_with(image)), why)
    fit, most = drawing.png(side, side), stage.paper.request["properties"]["image_list"]["maxItems"]
    for index, image in zip(range(1, most), unfit.values(), strict=False):
        _makes_no_video(stage, stage.account.probe(_with(*[fit] * index, image)), f"image {index + 1} is unfit")


@promise(IMAGE, costs=True)
def an_image_may_be_an_address(stage: Stage) -> None:
    """Of every scheme the document names."""
    address = SAMPLE.partition("://")[2]
    for scheme in at(stage.paper.raw, RULES)["url_schemes"]:
        exchange = stage.settled(stage.account, _with(f"{scheme}://{address}"))
        accepted(exchange, stage.paper, f"{scheme} is a scheme to use")


@promise(f"{RULES}/max_bytes")
def an_image_beyond_ten_megabytes_makes_no_video(stage: Stage) -> None:
    """Counted before Base64."""
    rules = _rules(stage)
    image = drawing.png(rules["min_side_px"], rules["min_side_px"], fill=rules["max_bytes"])
    _makes_no_video(stage, stage.account.probe(_with(image)), "it is too large")


@promise(f"{RULES}/max_bytes", costs=True)
def an_image_of_ten_megabytes_is_taken(stage: Stage) -> None:
    """The size is that of the file, not of its Base64."""
    rules = _rules(stage)
    side, most = rules["min_side_px"], rules["max_bytes"]
    image = drawing.png(side, side, fill=most - len(drawing.png(side, side, fill=1)) + 1)
    exchange = stage.settled(stage.account, _with(image))
    accepted(exchange, stage.paper, f"the file has {len(image)} bytes of {most}")


@promise(RULES, costs=True)
def images_at_their_limits_are_taken(stage: Stage) -> None:
    """The smallest, the widest, the highest, as PNG and as JPEG."""
    side, ratio = _rules(stage)["min_side_px"], _rules(stage)["max_ratio"]
    long = int(side * ratio)
    images = (drawing.png(side, side), drawing.png(long, side), drawing.png(side, long), drawing.jpeg())
    accepted(stage.settled(stage.spacious, _with(*images)), stage.paper, "every image is within its limits")


def _makes_no_video(stage: Stage, exchange: Exchange, why: str) -> None:
    """The create was refused, or the task fails in the end. Raises Broken, NotShown."""
    if not exchange.accepted:
        refused(exchange, stage.paper.verdicts("image_format"), why)
        return
    (look,) = until_ended(stage, stage.account, exchange)
    if status_of(look.task) != stage.paper.life["failure"]:
        raise Broken(f"a refusal, or a task that fails, because {why}", status_of(look.task), exchange)
