"""Train a CLIP of open_clip with weighted negatives, by open_clip's own loop.

The photos are the bundled positions with small pictures that are made up from their embeddings, and the captions are
random: it shows where the lines go, not what is gained. Those that change are marked. torchvision must belong to your
torch (one without CUDA: ``--extra-index-url https://download.pytorch.org/whl/cpu``)::

    pip install 'variogeo[open-clip]'
    python examples/train_open_clip.py
"""

import argparse
from types import SimpleNamespace

try:
    from variogeo.trainers.open_clip import CoordinateModel, WeightedClipLoss, attach_coordinates
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import torch
from open_clip import CLIP, CLIPTextCfg, CLIPVisionCfg
from open_clip_train.train import train_one_epoch

import variogeo
from variogeo.datasets import geoclip_photos
from variogeo.nn import NegativeWeights

BATCH, CONTEXT = 64, 8
ARGUMENTS = argparse.Namespace(
    device="cpu", precision="amp_bf16", accum_freq=1, batch_size=BATCH, world_size=1, rank=0, local_rank=0,
    log_local=False, log_every_n_steps=1000, grad_clip_norm=None, skip_scheduler=True, distill=False, horovod=False,
    wandb=False,
)  # fmt: skip


class Photos(torch.utils.data.Dataset):
    """Pictures of 8 x 8 pixels and captions of eight tokens, each with its place."""

    def __init__(self) -> None:
        lonlat, embeddings = geoclip_photos()
        self.features = torch.tensor(embeddings[:512]).float()
        self.coords = torch.round(torch.tensor(lonlat[:512]) * 1e7).long()
        random = torch.Generator().manual_seed(0)
        self.images = (self.features @ torch.randn(512, 192, generator=random)).view(-1, 3, 8, 8)
        self.tokens = torch.randint(0, 100, (512, CONTEXT), generator=random)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = attach_coordinates(self.tokens[row], self.coords[row], self.features[row])  # <- variogeo
        return self.images[row], tokens


def main() -> None:
    """Fit the curve on the frozen features, then train."""
    torch.manual_seed(0)
    photos = Photos()
    loader = torch.utils.data.DataLoader(photos, batch_size=BATCH, shuffle=True, drop_last=True)
    loader.num_batches, loader.num_samples = len(loader), len(photos)  # what open_clip's loop reads
    data = {"train": SimpleNamespace(dataloader=loader, set_epoch=lambda _: None)}
    vision = CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=4, image_size=8)
    text = CLIPTextCfg(context_length=CONTEXT, vocab_size=100, width=32, heads=2, layers=1)
    model = CoordinateModel(CLIP(32, vision, text, output_dict=True))  # <- variogeo

    lonlat = photos.coords.numpy() / 1e7
    empirical = variogeo.empirical_variogram(lonlat, photos.features.numpy(), variogeo.LagBins.covering(lonlat))
    curve = variogeo.fit_variogram(empirical, variogeo.Exponential).model
    scheme = variogeo.ResidualWeighting(curve, spread=variogeo.LagSpread.of(empirical))
    loss = WeightedClipLoss(NegativeWeights(scheme, order="lonlat", units="e7", feature_width=512))  # <- variogeo
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    images, texts = next(iter(torch.utils.data.DataLoader(photos, batch_size=BATCH)))
    for epoch in range(5):
        train_one_epoch(model, data, loss, epoch, optimizer, None, None, None, ARGUMENTS)
        with torch.no_grad():
            print(f"epoch {epoch}: loss of the first batch {loss(**model(images, texts)):.3f}")


if __name__ == "__main__":
    main()
