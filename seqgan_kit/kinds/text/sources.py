"""Download sources of the known text data sets, with checksums."""

from __future__ import annotations

from ...data.packages import NpmPackage, PypiArchive, PypiWheel
from ...data.sources import Source

# The mirrors serve it as .tar.gz, which the general rule for downloads unpacks to this.
SNIPPETS_ARCHIVE = "hutto_ICWSM_2014.tar"
PEPTIDES = "AMPvsUniProt.csv"
TRAINING_CAPTIONS, TEST_CAPTIONS = "train.txt", "test.txt"

SOURCES: dict[str, Source] = {
    "snippets": Source(
        "snippets",
        {SNIPPETS_ARCHIVE: "3c42a3c582708e3f895221d50d261f1aa36d4f7e6c20e63acc082c6bb1f6c28b"},
        mirrors=("https://github.com/cjhutto/vaderSentiment/raw/master/additional_resources/",),
        packages=(
            PypiArchive(
                "vaderSentiment",
                "3.3.2",
                "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
                "vaderSentiment-3.3.2/additional_resources",
            ),
        ),
        licence="MIT",
        home="https://github.com/cjhutto/vaderSentiment",
    ),
    "coco_captions": Source(
        "coco_captions",
        {
            TRAINING_CAPTIONS: "2c0fd1f0f43aac6a9dc3926a535516ccf395de535e15ac1fd17cd569420736f5",
            TEST_CAPTIONS: "72e25c9fb4d2cd43182ac602c92f6ffc377762147f9709572943b0b09174bcae",
        },
        mirrors=("https://github.com/geek-ai/Texygen/raw/master/data/",),
        paths={
            TRAINING_CAPTIONS: "image_coco.txt",
            TEST_CAPTIONS: "testdata/test_coco.txt",
        },
        licence="CC BY 4.0",
        home="https://github.com/geek-ai/Texygen",
    ),
    "names": Source(
        "names",
        {
            "female-human-names-en.json": (
                "08f1486630e287efa89d65fbb43eca961a379561dd411c707f2773844eaf0061"
            ),
            "female-human-names-fr.json": (
                "716fe0a80c654df13c940844ca81325e16f4499257e3ddf23342b2fff7218373"
            ),
            "female-human-names-nl.json": (
                "241c007fe1c453d088521619e3cf2ea3b5e5311214cd2b145329be82b13d5e48"
            ),
            "male-human-names-en.json": (
                "89ba3881c7a299e6a765b84cb2db4fddd722d662796ec63c72fe952e6a7ce779"
            ),
            "male-human-names-fr.json": (
                "08b6054bd9a30391480d71937c4e7c0c085418c41aa5d698582f66baac5e9ae3"
            ),
            "male-human-names-nl.json": (
                "9a3ae5a2e5674841881c883dde2dcdb1eb090f61913a518fcd6bccbc90b73a21"
            ),
        },
        packages=(NpmPackage("human-names", "1.0.13", "package/data"),),
        licence="MIT",
        home="https://github.com/AlessandroMinoccheri/human-names",
    ),
    "peptides": Source(
        "peptides",
        {PEPTIDES: "e1db3dd659179118dcfca63723385f2f0c95c49d27060a90f7a9d5848250eb48"},
        packages=(
            PypiWheel(
                "modlamp",
                "4.3.3",
                "6948bcbc4a9614d10b6b47a051d4576c42fe8e5487fbbeb3cfe0d8033eb27f91",
                "modlamp/data",
            ),
        ),
        licence="BSD-3-Clause",
        home="https://github.com/alexarnimueller/modlAMP",
    ),
}
