"""Lightning: the contrastive loss with weighted negatives for a training step, and a callback that logs the weights.

Two lines of a LightningModule change, here of SatCLIP's::

    self.loss_fun = ContrastiveLoss(NegativeWeights(scheme, order="lonlat", units="deg"))   # in __init__
    return self.loss_fun(logits_per_image, logits_per_coord, batch["point"])                # in common_step

A scheme is no hyperparameter that Lightning can store: ``self.save_hyperparameters(ignore=["scheme"])``. The state
dict holds it, so ``load_from_checkpoint(path, scheme=any_scheme)`` comes back with the one that was trained with.
"""

from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from variogeo._checks import check_whole
from variogeo.nn import NegativeWeights

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    msg = "lightning is not installed. Its extra: pip install 'variogeo[lightning]' (in a checkout '.[lightning]')."
    raise ImportError(msg) from None

from variogeo.trainers._contrastive_loss import ContrastiveLoss

__all__ = ["ContrastiveLoss", "LogWeights"]


class LogWeights(Callback):
    """A callback that logs the mean weight of the negatives and the share that is masked.

    A mean weight far from 1 acts like another temperature, and a scheme that masks most negatives leaves little to
    learn from: look at both before you compare schemes.

    Parameters
    ----------
    every : int
        Training batches from one look to the next. Each look reads two numbers back from the device.

    Raises
    ------
    ValueError
        At the start of a fit, when no module inside is a NegativeWeights.

    Notes
    -----
    Logged are ``weights/mean``, over the negatives that are left, as in `NegativeWeights.summary`, and
    ``weights/masked``. It sees calls of the module, ``weights(...)``, as `ContrastiveLoss` makes them, not of
    ``weights.log_weights(...)``.

    Examples
    --------
    >>> from lightning.pytorch import Trainer
    >>> from variogeo.trainers.lightning import LogWeights
    >>> trainer = Trainer(callbacks=[LogWeights(every=100)], logger=False, enable_checkpointing=False)
    """

    def __init__(self, *, every: int = 50) -> None:
        self.every = check_whole(every, name="every", at_least=1)
        self._seen: list[Tensor] = []
        self._hooks: list[Any] = []

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that there is something to log."""
        if not _weights_of(pl_module):
            msg = (
                f"{type(pl_module).__name__} has no NegativeWeights inside. Hold it in the module, e.g. "
                "self.loss = ContrastiveLoss(NegativeWeights(...)), or leave LogWeights out."
            )
            raise ValueError(msg)

    @override
    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Begin to look, where that is due."""
        if batch_idx % self.every == 0:
            self._hooks = [module.register_forward_hook(self._keep) for module in _weights_of(pl_module)]

    @override
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Log what was seen."""
        for log_weights in self._seen:
            # Each row has one positive, of weight 1.
            rows, negatives = len(log_weights), log_weights.numel() - len(log_weights)
            masked = log_weights.isneginf().sum()
            # A mean of none is 0: NaN among the logged numbers would end a fit that watches for it.
            left = (negatives - masked).clamp(min=1)
            pl_module.log("weights/mean", (log_weights.exp().sum() - rows) / left)
            pl_module.log("weights/masked", masked / max(negatives, 1))
        self._look_away()

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave nothing on the module of an interrupted fit."""
        self._look_away()

    def _look_away(self) -> None:
        """Take the hooks off and forget what they kept."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._seen = [], []

    def _keep(self, _module: torch.nn.Module, _arguments: Any, log_weights: Tensor) -> None:
        """Keep the log-weights of the step."""
        self._seen.append(log_weights)


def _weights_of(pl_module: LightningModule) -> list[NegativeWeights]:
    """Return every NegativeWeights inside."""
    return [module for module in pl_module.modules() if isinstance(module, NegativeWeights)]
