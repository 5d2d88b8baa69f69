package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Small pictures of samples: of a video its middle frame. */
public final class Thumbnails {
    private static final int SIDE = 192;

    private Thumbnails() {}

    /**
     * The pictures of a classifier's most confident mistakes.
     *
     * @param most how many at most
     * @return in the order of {@link Scores#mistakes}; null for a sample that cannot be read any more
     */
    public static List<BufferedImage> ofMistakes(Scores scores, int most) {
        List<BufferedImage> pictures = new ArrayList<>();
        for (int sample : scores.mistakes(most)) {
            pictures.add(of(scores.samples().get(sample)));
        }
        return pictures;
    }

    /**
     * The picture of a moment of a video, or of an image.
     *
     * @param seconds the moment; NaN for an image, and for a video's middle frame
     * @return null if it cannot be read
     */
    public static BufferedImage of(Content content, Kind kind, double seconds) {
        try {
            if (Double.isNaN(seconds) || kind == Kind.IMAGE) {
                return small(Frames.spaced(content, kind, 1, SIDE).get(0));
            }
            try (Video video = Video.open(content)) {
                return small(video.frameAt(seconds, SIDE));
            }
        } catch (IOException e) {
            return null; // the page says that it cannot be shown
        }
    }

    private static BufferedImage of(Sample sample) {
        try {
            return small(Frames.spaced(sample.content(), sample.kind(), 1, SIDE).get(0));
        } catch (IOException e) {
            return null; // it was read before; the page says that it cannot be shown
        }
    }

    /** At most {@link #SIDE} pixels wide and high; a smaller picture stays as it is. */
    private static BufferedImage small(Image image) {
        BufferedImage picture = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                picture.setRGB(x, y, image.get(x, y, 0) << 16 | image.get(x, y, 1) << 8 | image.get(x, y, 2));
            }
        }
        while (Math.max(picture.getWidth(), picture.getHeight()) > SIDE) {
            // By halves, since bilinear filtering looks at no more than two pixels.
            int longest = Math.max(picture.getWidth(), picture.getHeight());
            double factor = Math.max(0.5, (double) SIDE / longest);
            picture = scaled(picture, factor);
        }
        return picture;
    }

    private static BufferedImage scaled(BufferedImage picture, double factor) {
        int width = Math.max(1, (int) (picture.getWidth() * factor));
        int height = Math.max(1, (int) (picture.getHeight() * factor));
        BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D drawing = small.createGraphics();
        drawing.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        drawing.drawImage(picture, 0, 0, width, height, null);
        drawing.dispose();
        return small;
    }
}
