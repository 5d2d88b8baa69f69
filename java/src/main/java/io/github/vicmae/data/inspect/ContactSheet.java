package io.github.vicmae.data.inspect;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.FloatBuffer;

/** Pairs of augmented views, as training gets them: a picture with the two views of each sample side by side. */
public final class ContactSheet {
    private static final int PAIRS_IN_A_ROW = 4;
    private static final int GAP = 4;
    private static final int PAIR_GAP = 16;
    private static final int PAPER = 0xFFFFFF;

    private ContactSheet() {}

    /**
     * Draws the pairs of the first batch of a run over the data.
     *
     * @param pairs at most
     * @param view of two views in RGB
     * @throws IOException if nothing can be read
     */
    public static BufferedImage draw(Dataset data, int pairs, ViewSettings view, long seed) throws IOException {
        int count = Math.min(pairs, data.size());
        LoaderSettings settings = LoaderSettings.of(count, Runtime.getRuntime().availableProcessors(), seed);
        try (BatchLoader loader = new BatchLoader(data, view, FrameSampler.distant(view.views()), settings)) {
            Batch batch = loader.next();
            try {
                return draw(batch.views(), count, view);
            } finally {
                batch.release();
            }
        }
    }

    private static BufferedImage draw(FloatBuffer views, int count, ViewSettings view) {
        int columns = Math.min(PAIRS_IN_A_ROW, count);
        int rows = (count + columns - 1) / columns;
        int pairWidth = 2 * view.width() + GAP;
        BufferedImage sheet = new BufferedImage(
                columns * (pairWidth + PAIR_GAP) + PAIR_GAP,
                rows * (view.height() + PAIR_GAP) + PAIR_GAP,
                BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < sheet.getHeight(); y++) {
            for (int x = 0; x < sheet.getWidth(); x++) {
                sheet.setRGB(x, y, PAPER);
            }
        }
        for (int i = 0; i < count; i++) {
            int left = PAIR_GAP + i % columns * (pairWidth + PAIR_GAP);
            int top = PAIR_GAP + i / columns * (view.height() + PAIR_GAP);
            for (int v = 0; v < 2; v++) {
                draw(sheet, left + v * (view.width() + GAP), top, views, (v * count + i) * view.viewSize(), view);
            }
        }
        return sheet;
    }

    private static void draw(BufferedImage sheet, int left, int top, FloatBuffer views, int from, ViewSettings view) {
        int size = view.height() * view.width();
        for (int y = 0; y < view.height(); y++) {
            for (int x = 0; x < view.width(); x++) {
                int rgb = 0;
                for (int c = 0; c < view.channels(); c++) {
                    float value = views.get(from + c * size + y * view.width() + x);
                    float level = 255 * (value * view.deviation()[c] + view.mean()[c]);
                    rgb = rgb << 8 | Math.max(0, Math.min(255, Math.round(level)));
                }
                sheet.setRGB(left + x, top + y, rgb);
            }
        }
    }
}
