"""The release, in one place: the project file reads it too."""

VERSION = "0.1.0"
