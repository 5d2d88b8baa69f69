package io.github.vicmae.data.synthetic;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.kernel.Philox;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;

/**
 * Everything in one clip except its shape: a few shots, each with its own light, background, camera, distractors and path. The class has no
 * influence on them, so scenes of the same number are alike in every class and nothing but the outline and its motion tells the classes apart.
 *
 * <p>As in films, two distant frames of a clip mostly show two shots: they have only the shape in common.
 */
final class ShapeScene {
    private static final int GRID = 9;
    private static final int DISTRACTORS = 2;
    private static final double SHOTS_PER_SECOND = 2;
    private static final int FIRST_SHOT = 3;
    private static final int MIN_SHAPES = 4;
    private static final int MAX_SHAPES = 14;
    private static final double SWINGS_PER_SECOND = 0.6;
    private static final double ROCKS_PER_SECOND = 0.45;
    private static final double ROCK_RADIANS = 0.7;

    private final long seed;
    private final int part;
    private final int number;
    private final Philox noise;
    private Shot shot;

    /**
     * One shape of the swarm; lengths are shares of the picture's side.
     *
     * @param x where it starts
     * @param y where it starts
     * @param dx drift a second
     * @param dy drift a second
     * @param phase of its swings, and its angle at the start where it spins, in radians
     * @param sense of its turns, 1 or -1
     * @param size radius
     */
    private record Mover(double x, double y, double dx, double dy, double phase, int sense, double size) {
        static Mover draw(Philox random, double size) {
            return new Mover(
                    random.nextFloat(),
                    random.nextFloat(),
                    random.nextFloat(-0.2f, 0.2f),
                    random.nextFloat(-0.2f, 0.2f),
                    random.nextFloat(0, 6.28f),
                    random.nextFloat() < 0.5f ? -1 : 1,
                    size * random.nextFloat(0.8f, 1.2f));
        }

        AffineTransform place(ShapeKind kind, int side, double seconds) {
            double swing = Math.sin(2 * Math.PI * SWINGS_PER_SECOND * seconds + phase);
            double scale = size * side * (1 + kind.pulse() * swing);
            AffineTransform place = new AffineTransform();
            place.translate(side * wrapped(x + dx * seconds), side * wrapped(y + dy * seconds));
            place.rotate(angle(kind, seconds));
            place.scale(scale * (1 + kind.stretch() * swing), scale * (1 - kind.stretch() * swing));
            return place;
        }

        private double angle(ShapeKind kind, double seconds) {
            return kind.spin() > 0
                    ? phase + sense * 2 * Math.PI * kind.spin() * seconds
                    : sense * ROCK_RADIANS * Math.cos(2 * Math.PI * ROCKS_PER_SECOND * seconds + 1.7 * phase);
        }

        /** A shape that leaves the picture comes back on the other side. */
        private static double wrapped(double at) {
            return at - Math.floor(at);
        }
    }

    /**
     * The properties that change at a cut: two colours each for the ground and the shape, the ground's pattern, the distractors,
     * and where the shape is.
     */
    private static final class Shot {
        final int index;
        final float[][] ground = new float[2][];
        final float[][] shape = new float[2][];
        final float[] texture = new float[GRID * GRID];
        final float[] distractors = new float[DISTRACTORS * 8];
        final Mover[] shapes;
        final double grain;

        Shot(Philox random, int index) {
            this.index = index;
            // Wide ranges of light and size: how bright or how full a picture is says little about the class.
            ground[0] = colour(random, 0.05f, 0.4f);
            shape[0] = colour(random, 0.55f, 1);
            ground[1] = near(random, ground[0]);
            shape[1] = near(random, shape[0]);
            for (int i = 0; i < texture.length; i++) {
                texture[i] = random.nextFloat();
            }
            for (int i = 0; i < distractors.length; i++) {
                distractors[i] = random.nextFloat();
            }
            shapes = new Mover[MIN_SHAPES + random.nextInt(MAX_SHAPES - MIN_SHAPES + 1)];
            double size = random.nextFloat(0.09f, 0.17f);
            for (int i = 0; i < shapes.length; i++) {
                shapes[i] = Mover.draw(random, size);
            }
            grain = random.nextFloat(0, 0.02f);
        }
    }

    /** @param number of the scene in its part ({@code part}) of the data set */
    ShapeScene(long seed, int part, int number) {
        this.seed = seed;
        this.part = part;
        this.number = number;
        noise = new Philox(seed, part, number, 1);
    }

    private Shot shotAt(double seconds) {
        int index = (int) (seconds * SHOTS_PER_SECOND);
        if (shot == null || shot.index != index) {
            shot = new Shot(new Philox(seed, part, number, FIRST_SHOT + index), index);
        }
        return shot;
    }

    /** Any hue, at a brightness (ITU-R 601 luma) in a range. */
    private static float[] colour(Philox random, float low, float high) {
        float wanted = random.nextFloat(low, high);
        float[] colour = {random.nextFloat(), random.nextFloat(), random.nextFloat()};
        float found = luma(colour);
        for (int c = 0; c < 3; c++) {
            // Towards black or white, whichever keeps the hue and reaches the brightness.
            colour[c] = found > wanted ? colour[c] * wanted / found : 1 - (1 - colour[c]) * (1 - wanted) / (1 - found);
        }
        return colour;
    }

    private static float[] near(Philox random, float[] colour) {
        float[] result = new float[3];
        for (int c = 0; c < 3; c++) {
            result[c] = Math.max(0, Math.min(1, colour[c] + random.nextFloat(-0.1f, 0.1f)));
        }
        return result;
    }

    private static float luma(float[] colour) {
        return 0.299f * colour[0] + 0.587f * colour[1] + 0.114f * colour[2];
    }

    private static float[] mix(float[] first, float[] second, double share) {
        float[] result = new float[3];
        for (int c = 0; c < 3; c++) {
            result[c] = (float) (first[c] + (second[c] - first[c]) * share);
        }
        return result;
    }

    /**
     * Renders one frame as RGB.
     *
     * @param size rows and columns
     * @param seconds time since the clip's start
     */
    Image render(ShapeKind kind, int size, double seconds) {
        Shot now = shotAt(seconds);
        BufferedImage canvas = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        int[] pixels = ((DataBufferInt) canvas.getRaster().getDataBuffer()).getData();
        paintGround(now, pixels, size);
        Graphics2D graphics = canvas.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        paintDistractors(now, graphics, size, seconds);
        paintShapes(now, graphics, kind, size, seconds);
        graphics.dispose();
        return withGrain(now, pixels, size);
    }

    /** Two colours mixed by a field of smooth noise. */
    private static void paintGround(Shot now, int[] pixels, int size) {
        for (int py = 0; py < size; py++) {
            double v = (double) py / size * (GRID - 2);
            for (int px = 0; px < size; px++) {
                double u = (double) px / size * (GRID - 2);
                pixels[py * size + px] = rgb(mix(now.ground[0], now.ground[1], field(now.texture, u, v)));
            }
        }
    }

    private static double field(float[] texture, double u, double v) {
        int at = (int) v * GRID + (int) u;
        double fu = u - (int) u;
        double fv = v - (int) v;
        double top = texture[at] * (1 - fu) + texture[at + 1] * fu;
        double bottom = texture[at + GRID] * (1 - fu) + texture[at + GRID + 1] * fu;
        return top * (1 - fv) + bottom * fv;
    }

    private static int rgb(float[] colour) {
        return (int) (colour[0] * 255 + 0.5f) << 16
                | (int) (colour[1] * 255 + 0.5f) << 8
                | (int) (colour[2] * 255 + 0.5f);
    }

    /** Small dots and strokes in colours between those of the ground and the shape. */
    private static void paintDistractors(Shot now, Graphics2D graphics, int size, double seconds) {
        for (int i = 0; i < DISTRACTORS; i++) {
            float[] drawn = now.distractors;
            int at = i * 8;
            graphics.setColor(new Color(rgb(mix(now.ground[0], now.shape[0], 0.3 + 0.4 * drawn[at]))));
            double px = size * (drawn[at + 1] + 0.1 * Math.sin(seconds + 6 * drawn[at + 5]));
            double py = size * (drawn[at + 2] + 0.1 * Math.cos(seconds + 6 * drawn[at + 6]));
            double reach = size * (0.03 + 0.05 * drawn[at + 3]);
            if (drawn[at + 4] < 0.5) {
                graphics.fill(new Ellipse2D.Double(px - reach, py - reach, 2 * reach, 2 * reach));
            } else {
                double turn = 6.28 * drawn[at + 7];
                double dx = 2 * reach * Math.cos(turn);
                double dy = 2 * reach * Math.sin(turn);
                graphics.setStroke(new BasicStroke((float) (0.025 * size)));
                graphics.draw(new Line2D.Double(px - dx, py - dy, px + dx, py + dy));
            }
        }
    }

    /** A swarm: each shape drifts, turns and is pressed and stretched at its own phase. */
    private static void paintShapes(Shot now, Graphics2D graphics, ShapeKind kind, int size, double seconds) {
        for (Mover shape : now.shapes) {
            Graphics2D own = (Graphics2D) graphics.create();
            own.transform(shape.place(kind, size, seconds));
            own.setPaint(new GradientPaint(-1, -1, new Color(rgb(now.shape[0])), 1, 1, new Color(rgb(now.shape[1]))));
            own.fill(kind.outline());
            own.dispose();
        }
    }

    private Image withGrain(Shot now, int[] pixels, int size) {
        byte[] out = new byte[pixels.length * 3];
        for (int i = 0; i < pixels.length; i++) {
            int bits = noise.nextInt();
            for (int c = 0; c < 3; c++) {
                int value = pixels[i] >> 16 - 8 * c & 0xFF;
                double change = ((bits >> 8 * c & 0xFF) / 127.5 - 1) * now.grain * 1.7 * 255;
                out[3 * i + c] = (byte) Math.max(0, Math.min(255, Math.round(value + change)));
            }
        }
        return new Image(size, size, 3, out);
    }
}
