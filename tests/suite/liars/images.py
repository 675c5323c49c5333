"""Lies about what an image may be."""

import base64
from collections.abc import Callable

from suite.liars.telling import answers, asks, changing
from suite.proxy import Call


def with_images(call: Call, change: Callable[[str], str]) -> None:
    body = call.json if call.action == "submit" else None
    listed = body.get("image_list") if isinstance(body, dict) else None
    if isinstance(listed, list) and all(
        isinstance(each, dict) and isinstance(each.get("image"), str) for each in listed
    ):
        changing(call, image_list=[{"image": change(each["image"])} for each in listed])


def _png(text: str) -> tuple[int, int] | None:
    """Width and height of a PNG in Base64."""
    head = base64.b64decode(text[:32]) if text.startswith("iVBORw0KGgo") else b""
    return (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) if head else None


@asks("an_image_beyond_its_limits_makes_no_video")
def only_the_first_image_is_looked_at(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and len(images) > 1 and isinstance(images[0], dict):
        call.json = {**call.fields, "image_list": [images[0]] * len(images)}


@answers("an_image_of_ten_megabytes_is_taken", "submit")
def base64_is_counted_as_the_file(call, reply):
    if len(call.body) > 10_485_760 and reply.ok:
        reply.refuse(400, 1201)


@answers("an_image_may_be_an_address", "submit")
def plain_http_images_are_refused(call, reply):
    if b'"http://' in call.body and reply.ok:
        reply.refuse(400, 1201)


@asks("an_image_with_a_data_prefix_is_refused")
def data_prefixes_are_cut_off(call):
    with_images(call, lambda text: text.partition("base64,")[2] or text)


@asks("an_image_that_is_no_base64_is_refused")
def file_names_are_taken(call):
    with_images(call, lambda text: "https://example.com/dog.png" if text == "dog.png" else text)


@asks("an_image_beyond_its_limits_makes_no_video")
def small_images_are_taken(call):
    with_images(call, lambda text: text if text.startswith("http") or len(text) > 4000 else "https://example.com/a.png")


@asks("an_image_beyond_ten_megabytes_makes_no_video")
def large_images_are_taken(call):
    with_images(call, lambda text: "https://example.com/a.png" if len(text) > 13_000_000 else text)


@answers("images_at_their_limits_are_taken", "submit")
def images_must_be_addresses(call, reply):
    if "iVBORw0KGgo" in call.body.decode(errors="replace") and reply.ok:
        reply.refuse(400, 1201)


@asks("an_image_beyond_its_limits_makes_no_video")
def low_images_are_taken(call):
    with_images(call, lambda text: "https://example.com/a.png" if _png(text) and _png(text)[1] == 299 else text)


@asks("an_image_beyond_its_limits_makes_no_video")
def webp_images_are_taken(call):
    with_images(call, lambda text: "https://example.com/a.png" if text.startswith("UklGR") else text)


@asks("an_image_beyond_its_limits_makes_no_video")
def third_images_are_not_looked_at(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and len(images) > 2:
        changing(call, image_list=[*images[:2], images[0], *images[3:]])


@asks("an_image_beyond_its_limits_makes_no_video")
def jpegs_are_not_measured(call):
    with_images(call, lambda text: "https://example.com/a.jpg" if text.startswith("/9j/") else text)
