"""A real GeoCLIP around a CLIP of a few thousand weights, with random weights and no download."""

import contextlib
import io
import logging
import warnings

import pytest
import torch

with warnings.catch_warnings():
    # geoclip scripts a function with TorchScript, which torch warns about.
    warnings.simplefilter("ignore")
    pytest.importorskip("geoclip", reason="the package geoclip is not installed")
    from geoclip import GeoCLIP
    from geoclip.train import eval_images, train

__all__ = ["GeoCLIP", "eval_images", "quiet", "random_batches", "tiny_geoclip", "train"]


def quiet(function, *arguments, **options):
    """Return what a function returns, without its progress bars and prints."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function(*arguments, **options)


def save_tiny_clip(folder):
    """Write a random CLIP for images of 32 pixels, with features of width 768 as GeoCLIP's head takes them."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    text = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 1, "max_position_embeddings": 4, "bos_token_id": 0, "eos_token_id": 2}
    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 32, "patch_size": 16}
    config = CLIPConfig(projection_dim=768, text_config=text, vision_config=vision)
    config.text_config.projection_dim = config.vision_config.projection_dim = 768
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)


def tiny_geoclip(folder, *, queue_size, seed=0):
    """Return a GeoCLIP of random weights with the location encoder, head, scale and gallery of the package."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.manual_seed(seed)
    if not any(folder.iterdir()):
        quiet(save_tiny_clip, folder)
    return quiet(GeoCLIP, from_pretrained=False, queue_size=queue_size, clip_path=str(folder))


def random_batches(steps, *, rows, seed=1):
    """Return batches of images of a colour of their own, and places (latitude, longitude) away from the poles."""
    draw = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(rows, 3, 1, 1, generator=draw) + torch.randn(rows, 3, 32, 32, generator=draw),
            torch.rand(rows, 2, generator=draw) * torch.tensor([140.0, 360.0]) - torch.tensor([70.0, 180.0]),
        )
        for _ in range(steps)
    ]
