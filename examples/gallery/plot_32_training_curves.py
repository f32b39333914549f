"""
Training curves of two schemes
==============================

Weights change the loss, so losses of two schemes are on different scales. What compares is one measure that is the same
for both, such as the plain loss of held-out photos. The photos are simulated: they show how to look, and not who wins.
"""

import matplotlib.pyplot as plt
import torch

import variogeo
from variogeo import DecorrelationWeighting, Exponential
from variogeo.experiments import PhotoWorld, TwoTower
from variogeo.nn import NegativeWeights, weighted_cross_entropy

world = PhotoWorld.simulate(variogeo.datasets.geoclip_photos(), photos_per_position=2, seed=0)
features, lonlat = torch.tensor(world.train.embeddings), torch.tensor(world.train.lonlat)
asked, places = torch.tensor(world.test.embeddings[:500]), torch.tensor(world.test.lonlat[:500])
scheme = DecorrelationWeighting(Exponential(nugget=0.05, partial_sill=0.2, effective_range=300.0))
weights = NegativeWeights(scheme, order="lonlat", units="deg")
STEPS, BATCH, EVERY = 40, 128, 4


# %%
# The log-weights are added to the logits of the negatives; a training without weights adds zeros.
def held_out_losses(weighted: bool, seed: int) -> list[float]:
    """Train, and return the plain loss of the held-out photos after every few steps."""
    torch.manual_seed(seed)
    model = TwoTower.small(features.shape[1], width=192, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for step in range(1, STEPS + 1):
        rows = torch.randperm(len(features))[:BATCH]
        log_weights = weights.log_weights(lonlat[rows], lonlat[rows]) if weighted else torch.zeros(BATCH, BATCH)
        loss = weighted_cross_entropy(model.train()(features[rows], lonlat[rows]), log_weights, torch.arange(BATCH))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % EVERY == 0:
            with torch.no_grad():
                logits = model.eval()(asked, places)
            losses.append(torch.nn.functional.cross_entropy(logits, torch.arange(len(asked))).item())
    return losses


curves = {name: [held_out_losses(name != "plain", seed) for seed in range(2)] for name in ("plain", "decorrelation")}
steps = range(EVERY, STEPS + 1, EVERY)
ax = variogeo.plotting.plot_training(curves, steps=list(steps), quantity="plain loss of 500 held-out photos")
for name, runs in curves.items():
    print(f"{name:14s} at the end:", ", ".join(f"{run[-1]:.3f}" for run in runs))
plt.show()
