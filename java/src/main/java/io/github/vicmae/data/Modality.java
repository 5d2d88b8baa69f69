package io.github.vicmae.data;

/** What the samples of one batch are. */
public enum Modality {
    /** Still pictures alone. */
    IMAGES,
    /** Videos alone. */
    VIDEOS,
    /** Some of both. */
    MIXED
}
