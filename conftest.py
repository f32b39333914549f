"""Lets the doctests of variogeo.trainers be collected where open_clip has no torchvision."""

from pathlib import Path

NEED_OPEN_CLIP = ("open_clip.py", "_siglip_loss.py")


def pytest_collect_file(file_path: Path) -> None:
    """Import open_clip with stand-ins for torchvision before a module that imports it is collected."""
    if file_path.parent.name == "trainers" and file_path.name in NEED_OPEN_CLIP:
        from torchvision_stub import import_open_clip

        import_open_clip()
