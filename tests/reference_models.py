"""The networks of `specs/` once more, written out in PyTorch from their sources. Nothing here knows of archdsl.

Modules are declared in the order in which they run, so that weights can be copied from one model to the other in
order. Where a size follows from that of the picture, it is an argument, with the value for the full picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LeNet(nn.Module):
    """LeNet-5 of "Dive into Deep Learning", section 7.6, for 1x28x28."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.avg_pool2d(torch.sigmoid(self.conv1(x)), kernel_size=2, stride=2)
        x = functional.avg_pool2d(torch.sigmoid(self.conv2(x)), kernel_size=2, stride=2)
        x = torch.sigmoid(self.fc1(x.flatten(1)))
        x = torch.sigmoid(self.fc2(x))
        return self.fc3(x)


class Small(nn.Module):
    """Three convolutions without biases, each pooled, then normalized; for 1x28x28."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, kernel_size=3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(128)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(128 * 3 * 3, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm1(functional.max_pool2d(self.conv1(x), 2)))
        x = torch.relu(self.norm2(functional.max_pool2d(self.conv2(x), 2)))
        x = torch.relu(self.norm3(functional.max_pool2d(self.conv3(x), 2)))
        return self.fc(self.dropout(x.flatten(1)))


class AlexNet(nn.Module):
    """AlexNet of "Dive into Deep Learning", section 8.1, for 1x224x224."""

    def __init__(self, last_map: int = 5) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 96, kernel_size=11, stride=4),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(96, 256, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(256, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Flatten(),
            nn.Linear(256 * last_map * last_map, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def response_normalization(a: Tensor, k: float, n: int, alpha: float, beta: float) -> Tensor:
    """The formula of Krizhevsky et al. 2012, section 3.3: the sum is over n neighbouring maps, as far as there are."""
    channels = a.shape[1]
    squares = functional.pad(a.square(), (0, 0, 0, 0, n // 2, n // 2))
    total = sum(squares[:, shift : shift + channels] for shift in range(n))
    return a / (k + alpha * total) ** beta


class AlexNetOfThePaper(nn.Module):
    """AlexNet of Krizhevsky et al. 2012, section 3, for 3x224x224; with two groups, as on the paper's two GPUs."""

    def __init__(self, groups: int = 1, last_map: int = 6, alpha: float = 1e-4) -> None:
        super().__init__()
        self.alpha = alpha
        self.conv1 = nn.Conv2d(3, 96, kernel_size=11, stride=4, padding=2)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups)
        self.fc6 = nn.Linear(256 * last_map * last_map, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 1000)

    def normalized(self, x: Tensor) -> Tensor:
        return response_normalization(x, k=2, n=5, alpha=self.alpha, beta=0.75)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.normalized(self.conv1(x).relu()), kernel_size=3, stride=2)
        x = functional.max_pool2d(self.normalized(self.conv2(x).relu()), kernel_size=3, stride=2)
        x = self.conv3(x).relu()
        x = self.conv4(x).relu()
        x = functional.max_pool2d(self.conv5(x).relu(), kernel_size=3, stride=2)
        x = functional.dropout(self.fc6(x.flatten(1)).relu(), 0.5, self.training)
        x = functional.dropout(self.fc7(x).relu(), 0.5, self.training)
        return self.fc8(x)


class VGG11(nn.Module):
    """VGG-11 of "Dive into Deep Learning", section 8.2, for 1x224x224."""

    def __init__(self, last_map: int = 7) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        # Table 1 of Simonyan and Zisserman 2015, column A: the channels of each convolution, and None for a pool.
        for width in (64, None, 128, None, 256, 256, None, 512, 512, None, 512, 512, None):
            if width is None:
                layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            else:
                layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * last_map * last_map, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class Inception(nn.Module):
    """The module of Szegedy et al. 2015, figure 2b. The arguments are the columns of table 1, in its order."""

    def __init__(self, entering: int, c1: int, c3_reduce: int, c3: int, c5_reduce: int, c5: int, pool: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(entering, c1, kernel_size=1)
        self.three_reduce = nn.Conv2d(entering, c3_reduce, kernel_size=1)
        self.three = nn.Conv2d(c3_reduce, c3, kernel_size=3, padding=1)
        self.five_reduce = nn.Conv2d(entering, c5_reduce, kernel_size=1)
        self.five = nn.Conv2d(c5_reduce, c5, kernel_size=5, padding=2)
        self.pool_projection = nn.Conv2d(entering, pool, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.one(x).relu()
        three = self.three(self.three_reduce(x).relu()).relu()
        five = self.five(self.five_reduce(x).relu()).relu()
        pool = functional.max_pool2d(x, kernel_size=3, stride=1, padding=1)
        return torch.cat([one, three, five, self.pool_projection(pool).relu()], dim=1)


class GoogLeNet(nn.Module):
    """GoogLeNet of "Dive into Deep Learning", section 8.4, for 1x96x96."""

    def __init__(self) -> None:
        super().__init__()
        self.b1 = nn.Sequential(nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3), nn.ReLU(), self.pool())
        self.b2 = nn.Sequential(
            nn.Conv2d(64, 64, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(64, 192, kernel_size=3, padding=1),
            nn.ReLU(),
            self.pool(),
        )
        self.b3 = nn.Sequential(
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            self.pool(),
        )
        self.b4 = nn.Sequential(
            Inception(480, 192, 96, 208, 16, 48, 64),
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
            Inception(528, 256, 160, 320, 32, 128, 128),
            self.pool(),
        )
        self.b5 = nn.Sequential(
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
        )
        self.fc = nn.Linear(1024, 10)

    @staticmethod
    def pool() -> nn.Module:
        return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.b5(self.b4(self.b3(self.b2(self.b1(x)))))
        return self.fc(x.mean(dim=(2, 3)))


class AuxiliaryClassifier(nn.Module):
    """The classifier on the side of Szegedy et al. 2015, section 5; its own last map is 4x4 on a picture of 224."""

    def __init__(self, entering: int, last_map: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(entering, 128, kernel_size=1)
        self.fc1 = nn.Linear(128 * last_map * last_map, 1024)
        self.fc2 = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.avg_pool2d(x, kernel_size=5, stride=3)
        x = self.conv(x).relu()
        x = self.fc1(x.flatten(1)).relu()
        return self.fc2(functional.dropout(x, 0.7, self.training))


class GoogLeNetOfThePaper(nn.Module):
    """GoogLeNet of Szegedy et al. 2015, table 1 and figure 3, for 3x224x224.

    In training it gives the outputs of the two auxiliary classifiers too. The constants of the response normalization
    are those of Caffe's model, whose alpha is divided by n.
    """

    def __init__(self, head_map: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)
        self.conv2_reduce = nn.Conv2d(64, 64, kernel_size=1)
        self.conv2 = nn.Conv2d(64, 192, kernel_size=3, padding=1)
        self.inception_3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception_3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.inception_4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.aux1 = AuxiliaryClassifier(512, head_map)
        self.inception_4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception_4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception_4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.aux2 = AuxiliaryClassifier(528, head_map)
        self.inception_4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.inception_5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception_5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.fc = nn.Linear(1024, 1000)

    @staticmethod
    def pool(x: Tensor) -> Tensor:
        return functional.max_pool2d(x, kernel_size=3, stride=2, ceil_mode=True)

    @staticmethod
    def normalized(x: Tensor) -> Tensor:
        return response_normalization(x, k=1, n=5, alpha=1e-4 / 5, beta=0.75)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = self.normalized(self.pool(self.conv1(x).relu()))  # 64 x 56 x 56
        x = self.conv2(self.conv2_reduce(x).relu()).relu()
        x = self.pool(self.normalized(x))  # 192 x 28 x 28
        x = self.pool(self.inception_3b(self.inception_3a(x)))  # 480 x 14 x 14
        x = self.inception_4a(x)  # 512 x 14 x 14
        first = self.aux1(x) if self.training else None
        x = self.inception_4d(self.inception_4c(self.inception_4b(x)))  # 528 x 14 x 14
        second = self.aux2(x) if self.training else None
        x = self.pool(self.inception_4e(x))  # 832 x 7 x 7
        x = self.inception_5b(self.inception_5a(x)).mean(dim=(2, 3))  # 1024
        x = self.fc(functional.dropout(x, 0.4, self.training))
        return x if first is None or second is None else (x, first, second)


class NetworkInNetwork(nn.Sequential):
    """Lin, Chen and Yan 2014, section 3.3, for 3x32x32, with the sizes of the authors' network for Caffe."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        channels = 3
        pools = (nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.AvgPool2d(3, stride=2, ceil_mode=True))
        for index, (filters, kernel) in enumerate([((192, 160, 96), 5), ((192, 192, 192), 5), ((192, 192, 10), 3)]):
            for out, size in zip(filters, (kernel, 1, 1), strict=True):
                layers += [nn.Conv2d(channels, out, size, padding=(size - 1) // 2), nn.ReLU()]
                channels = out
            if index < len(pools):
                layers += [pools[index], nn.Dropout(0.5)]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def darknet_layers(in_channels: int, layers: list[tuple[int, int, int]]) -> nn.Sequential:
    """Convolutions of Darknet: output channels, kernel, stride; each with normalization and a leaky relu of 0.1."""
    modules: list[nn.Module] = []
    for channels, kernel, stride in layers:
        modules.append(nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2, bias=False))
        modules += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.1)]
        in_channels = channels
    return nn.Sequential(*modules)


class Darknet19(nn.Module):
    """Redmon and Farhadi 2017, table 6, for 3x224x224: the lines between two pools are one stage."""

    STAGES = (
        [(32, 3)],
        [(64, 3)],
        [(128, 3), (64, 1), (128, 3)],
        [(256, 3), (128, 1), (256, 3)],
        [(512, 3), (256, 1), (512, 3), (256, 1), (512, 3)],
        [(1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)],
    )

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        channels = 3
        for stage in self.STAGES:
            self.stages.append(darknet_layers(channels, [(out, kernel, 1) for out, kernel in stage]))
            channels = stage[-1][0]
        self.conv = nn.Conv2d(channels, 1000, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.stages
        x = first(x)
        for stage in others:
            x = stage(functional.max_pool2d(x, 2))
        return self.conv(x).mean((2, 3))


class Darknet53(nn.Module):
    """Redmon and Farhadi 2018, table 1, for 3x256x256."""

    def __init__(self) -> None:
        super().__init__()
        self.first = darknet_layers(3, [(32, 3, 1)])
        self.stages = nn.ModuleList()
        for blocks, channels in ((1, 64), (2, 128), (8, 256), (8, 512), (4, 1024)):
            stage = nn.Module()
            stage.down = darknet_layers(channels // 2, [(channels, 3, 2)])
            residuals = [darknet_layers(channels, [(channels // 2, 1, 1), (channels, 3, 1)]) for _ in range(blocks)]
            stage.residuals = nn.ModuleList(residuals)
            self.stages.append(stage)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for stage in self.stages:
            x = stage.down(x)
            for residual in stage.residuals:
                x = x + residual(x)
        return self.fc(x.mean((2, 3)))


class ConvMixer(nn.Module):
    """Trockman and Kolter 2023, section 2 and figure 3, for 3x224x224."""

    def __init__(self, channels: int = 1536, depth: int = 20, kernel: int = 9, patch: int = 7) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(3, channels, patch, stride=patch)
        self.embedding_norm = nn.BatchNorm2d(channels)
        self.layers = nn.ModuleList()
        for _ in range(depth):
            layer = nn.Module()
            layer.depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
            layer.depthwise_norm = nn.BatchNorm2d(channels)
            layer.pointwise = nn.Conv2d(channels, channels, kernel_size=1)
            layer.pointwise_norm = nn.BatchNorm2d(channels)
            self.layers.append(layer)
        self.fc = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding_norm(functional.gelu(self.embedding(x)))
        for layer in self.layers:
            x = x + layer.depthwise_norm(functional.gelu(layer.depthwise(x)))
            x = layer.pointwise_norm(functional.gelu(layer.pointwise(x)))
        return self.fc(x.mean((2, 3)))


class WideResNet(nn.Module):
    """Zagoruyko and Komodakis 2016, section 3 and table 1, for 3x32x32."""

    def __init__(self, depth: int = 28, width: int = 10, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.units = nn.ModuleList()
        entering = 16
        for channels, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
            for index in range((depth - 4) // 6):
                unit = nn.Module()
                unit.norm1 = nn.BatchNorm2d(entering)
                unit.conv1 = nn.Conv2d(entering, channels, 3, stride if index == 0 else 1, padding=1, bias=False)
                unit.norm2 = nn.BatchNorm2d(channels)
                unit.dropout = nn.Dropout(dropout)
                unit.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
                if index == 0 and (stride, entering) != (1, channels):
                    unit.shortcut = nn.Conv2d(entering, channels, 1, stride, bias=False)
                self.units.append(unit)
                entering = channels
        self.norm = nn.BatchNorm2d(entering)
        self.fc = nn.Linear(entering, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for unit in self.units:
            activated = functional.relu(unit.norm1(x))
            y = unit.conv2(unit.dropout(functional.relu(unit.norm2(unit.conv1(activated)))))
            x = y + (unit.shortcut(activated) if hasattr(unit, "shortcut") else x)
        return self.fc(functional.relu(self.norm(x)).mean((2, 3)))


class UNet(nn.Module):
    """Ronneberger, Fischer and Brox 2015, figure 1, with convolutions padded by one pixel, for 1x512x512."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.downs = nn.ModuleList(self.double(*each) for each in ((1, 64), (64, 128), (128, 256), (256, 512)))
        self.bottom = self.double(512, 1024)
        self.ups = nn.ModuleList()
        for channels in (512, 256, 128, 64):
            up = nn.Module()
            up.up = nn.ConvTranspose2d(2 * channels, channels, kernel_size=2, stride=2)
            up.convs = self.double(2 * channels, channels)
            self.ups.append(up)
        self.last = nn.Conv2d(64, classes, kernel_size=1)

    @staticmethod
    def double(channels: int, out: int) -> nn.Sequential:
        first, second = nn.Conv2d(channels, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.bottom(x)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up.convs(torch.cat([skip, up.up(x)], dim=1))
        return self.last(x)
