package io.github.vicmae.kernel;

/**
 * How a view is cut into tokens: an image into patches of p x p pixels (Dosovitskiy et al. 2021), a clip into tubes of t x p x p (Feichtenhofer et
 * al. 2022). Patches are numbered by time, then row, then column. An image is a clip of one frame cut into tubes of one frame.
 *
 * @param frames of a view, a multiple of {@code tube}
 * @param height of a frame in pixels, a multiple of {@code patch}
 * @param width of a frame in pixels, a multiple of {@code patch}
 * @param tube frames of a patch
 * @param patch side of a patch in pixels
 * @param classToken whether a class token precedes the patches' tokens
 */
public record PatchGrid(int frames, int height, int width, int tube, int patch, boolean classToken) {
    /**
     * @throws IllegalArgumentException if the frames cannot be cut into such patches
     */
    public PatchGrid {
        if (patch < 1) {
            throw new IllegalArgumentException("The patch size must be at least 1, not " + patch);
        }
        if (tube < 1) {
            throw new IllegalArgumentException("A patch must span at least 1 frame, not " + tube);
        }
        if (height <= 0 || width <= 0 || height % patch != 0 || width % patch != 0) {
            throw new IllegalArgumentException("An image of " + height + " x " + width
                    + " pixels cannot be cut into patches of " + patch + " x " + patch
                    + ": both sides must be multiples of " + patch);
        }
        if (frames <= 0 || frames % tube != 0) {
            throw new IllegalArgumentException("A clip of " + frames + " frames cannot be cut into patches of " + tube
                    + " frames: its length must be a multiple of " + tube);
        }
        Math.multiplyExact(Math.multiplyExact(frames / tube, height / patch), width / patch);
    }

    /** Single images with a class token. */
    public static PatchGrid ofImage(int height, int width, int patch) {
        return new PatchGrid(1, height, width, 1, patch, true);
    }

    /** Patches along time. */
    public int times() {
        return frames / tube;
    }

    /** Patches in a column of a frame. */
    public int rows() {
        return height / patch;
    }

    /** Patches in a row of a frame. */
    public int columns() {
        return width / patch;
    }

    /** Patches that lie side by side in a frame. */
    public int places() {
        return rows() * columns();
    }

    /** Patches of a view, L. */
    public int patches() {
        return times() * places();
    }

    /** Tokens that precede the patches': 1 with a class token, else 0. */
    public int classTokens() {
        return classToken ? 1 : 0;
    }

    /** Tokens of a view of which {@code kept} patches are visible. */
    public int tokens(int kept) {
        return classTokens() + kept;
    }

    /** Tokens of a view all of whose patches are visible. */
    public int tokens() {
        return tokens(patches());
    }

    /** Values of a patch, t * p * p * C. */
    public int patchSize(int channels) {
        return Math.multiplyExact(Math.multiplyExact(tube * patch, patch), channels);
    }
}
