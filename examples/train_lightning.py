"""Train a two-tower model under Lightning with weighted negatives, in the manner of SatCLIP.

The photos are the bundled positions; their "image features" are made up from the embeddings, so it shows where the
lines go, not what is gained. The lines that change are marked; `LogWeights` is there to look on::

    pip install 'variogeo[lightning]'
    python examples/train_lightning.py
"""

import warnings

try:
    from variogeo.trainers.lightning import ContrastiveLoss, LogWeights
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

import variogeo
from variogeo.datasets import geoclip_photos
from variogeo.nn import NegativeWeights


class TwoTowers(LightningModule):
    """A head on frozen image features and a small location encoder."""

    def __init__(self, scheme: variogeo.Weighting) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["scheme"])
        self.image = nn.Sequential(nn.Linear(512, 64), nn.GELU(), nn.Linear(64, 32))
        self.location = nn.Sequential(nn.Linear(4, 128), nn.GELU(), nn.Linear(128, 32))
        self.logit_scale = nn.Parameter(torch.tensor(2.0))
        self.loss = ContrastiveLoss(
            NegativeWeights(scheme, order="lonlat", units="deg", feature_width=512)
        )  # <- variogeo

    def training_step(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the loss of a batch of image features and points."""
        angles = torch.deg2rad(batch["point"]).float()
        sides = self.image(batch["image"]), self.location(torch.cat([angles.sin(), angles.cos()], dim=1))
        image, location = (functional.normalize(side, dim=-1) for side in sides)
        logits = self.logit_scale.exp() * image @ location.T
        loss = self.loss(logits, logits.T, batch["point"], batch["image"])  # <- variogeo
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self) -> None:
        """Print how far it is."""
        print(f"epoch {self.current_epoch}: loss {self.trainer.callback_metrics['loss']:.3f}")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=2e-3)


def main() -> None:
    """Fit the curve on the frozen features, then train."""
    warnings.filterwarnings("ignore", message="The '.*_dataloader' does not have many workers")
    torch.manual_seed(0)
    lonlat, embeddings = geoclip_photos()
    features = functional.normalize(torch.tensor(embeddings).float(), dim=-1) + 0.02 * torch.randn(2500, 512)
    rows = zip(features, torch.tensor(lonlat), strict=True)
    loader = DataLoader([{"image": row, "point": point} for row, point in rows], 128, shuffle=True, drop_last=True)

    empirical = variogeo.empirical_variogram(lonlat, features.numpy(), variogeo.LagBins.covering(lonlat))
    curve = variogeo.fit_variogram(empirical, variogeo.Exponential).model
    scheme = variogeo.ResidualWeighting(curve, spread=variogeo.LagSpread.of(empirical))
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", max_epochs=5, callbacks=[LogWeights(every=5)], logger=False, **quiet)
    trainer.fit(TwoTowers(scheme), loader)
    print(f"mean weight of the negatives: {trainer.callback_metrics['weights/mean']:.2f}")


if __name__ == "__main__":
    main()
