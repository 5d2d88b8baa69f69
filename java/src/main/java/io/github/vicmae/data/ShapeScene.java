package io.github.vicmae.data;

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
 * Everything about one clip but its shape: colours, background, place, path, size, distractors. It is drawn without regard to the class, so
 * scenes of the same number are alike in every class and nothing but the outline and its motion tells the classes apart.
 *
 * <p>Light and colours drift during the clip, so that what two distant frames have in common is the shape.
 */
final class ShapeScene {
    private static final int GRID = 9;
    private static final int DISTRACTORS = 3;
    private static final double MIN_CONTRAST = 0.28;

    private final Philox noise;
    private final float[][] background = new float[4][];
    private final float[][] foreground = new float[4][];
    private final float[] texture = new float[GRID * GRID];
    private final float[] distractors = new float[DISTRACTORS * 8];
    private final double radius;
    private final double x;
    private final double y;
    private final double swayX;
    private final double swayY;
    private final double phaseX;
    private final double phaseY;
    private final double angle;
    private final double direction;
    private final double pan;
    private final double grain;

    /** @param number of the scene in its part ({@code part}) of the data set */
    ShapeScene(long seed, int part, int number) {
        Philox random = new Philox(seed, part, number, 0);
        noise = new Philox(seed, part, number, 1);
        for (int end = 0; end < 2; end++) {
            drawColours(random, 2 * end);
        }
        for (int i = 0; i < texture.length; i++) {
            texture[i] = random.nextFloat();
        }
        for (int i = 0; i < distractors.length; i++) {
            distractors[i] = random.nextFloat();
        }
        radius = random.nextFloat(0.24f, 0.36f);
        double room = 0.5 - radius * 0.8;
        x = 0.5 + random.nextFloat(-1, 1) * room * 0.7;
        y = 0.5 + random.nextFloat(-1, 1) * room * 0.7;
        swayX = random.nextFloat(0.03f, 0.14f);
        swayY = random.nextFloat(0.03f, 0.14f);
        phaseX = random.nextFloat(0, 6.28f);
        phaseY = random.nextFloat(0, 6.28f);
        angle = random.nextFloat(0, 6.28f);
        direction = random.nextFloat() < 0.5f ? -1 : 1;
        pan = random.nextFloat(-2, 2);
        grain = random.nextFloat(0.01f, 0.05f);
    }

    /** Two colours each for the ground and the shape at one end of the clip, the shape brighter or darker by a visible step. */
    private void drawColours(Philox random, int at) {
        for (int attempt = 0; ; attempt++) {
            background[at] = colour(random);
            foreground[at] = colour(random);
            float step = luma(foreground[at]) - luma(background[at]);
            // The sign is the same at both ends, or the shape would vanish half way.
            boolean sameSign = at == 0 || step * (luma(foreground[0]) - luma(background[0])) > 0;
            if (Math.abs(step) >= MIN_CONTRAST && sameSign || attempt > 200) {
                break;
            }
        }
        background[at + 1] = near(random, background[at]);
        foreground[at + 1] = near(random, foreground[at]);
    }

    private static float[] colour(Philox random) {
        return new float[] {random.nextFloat(), random.nextFloat(), random.nextFloat()};
    }

    private static float[] near(Philox random, float[] colour) {
        float[] result = new float[3];
        for (int c = 0; c < 3; c++) {
            result[c] = Math.max(0, Math.min(1, colour[c] + random.nextFloat(-0.2f, 0.2f)));
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
     * @param length the clip's length in seconds
     */
    Image render(ShapeKind kind, int size, double seconds, double length) {
        double share = length <= 0 ? 0 : seconds / length;
        BufferedImage canvas = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        int[] pixels = ((DataBufferInt) canvas.getRaster().getDataBuffer()).getData();
        paintGround(pixels, size, share);
        Graphics2D graphics = canvas.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        paintDistractors(graphics, size, seconds, share);
        paintShape(graphics, kind, size, seconds, share);
        graphics.dispose();
        return withGrain(pixels, size);
    }

    /** Two colours mixed by a field of smooth noise that moves slowly. */
    private void paintGround(int[] pixels, int size, double share) {
        float[] first = mix(background[0], background[2], share);
        float[] second = mix(background[1], background[3], share);
        double shift = pan * share + GRID;
        for (int py = 0; py < size; py++) {
            double v = (double) py / size * (GRID - 2);
            for (int px = 0; px < size; px++) {
                double u = (double) px / size * (GRID - 2) + shift;
                pixels[py * size + px] = rgb(mix(first, second, field(u, v)));
            }
        }
    }

    private double field(double u, double v) {
        int column = (int) u;
        int row = (int) v;
        double fu = u - column;
        double fv = v - row;
        double top = at(row, column) * (1 - fu) + at(row, column + 1) * fu;
        double bottom = at(row + 1, column) * (1 - fu) + at(row + 1, column + 1) * fu;
        return top * (1 - fv) + bottom * fv;
    }

    private float at(int row, int column) {
        return texture[row % GRID * GRID + column % GRID];
    }

    private static int rgb(float[] colour) {
        return (int) (colour[0] * 255 + 0.5f) << 16
                | (int) (colour[1] * 255 + 0.5f) << 8
                | (int) (colour[2] * 255 + 0.5f);
    }

    /** Small dots and strokes in colours between those of the ground and the shape. */
    private void paintDistractors(Graphics2D graphics, int size, double seconds, double share) {
        for (int i = 0; i < DISTRACTORS; i++) {
            int at = i * 8;
            float[] colour = mix(
                    mix(background[0], background[2], share),
                    mix(foreground[0], foreground[2], share),
                    0.3 + 0.4 * distractors[at]);
            graphics.setColor(new Color(rgb(colour)));
            double px = size * (distractors[at + 1] + 0.1 * Math.sin(seconds + 6 * distractors[at + 5]));
            double py = size * (distractors[at + 2] + 0.1 * Math.cos(seconds + 6 * distractors[at + 6]));
            double reach = size * (0.03 + 0.05 * distractors[at + 3]);
            if (distractors[at + 4] < 0.5) {
                graphics.fill(new Ellipse2D.Double(px - reach, py - reach, 2 * reach, 2 * reach));
            } else {
                double turn = 6.28 * distractors[at + 7];
                double dx = 2 * reach * Math.cos(turn);
                double dy = 2 * reach * Math.sin(turn);
                graphics.setStroke(new BasicStroke((float) (0.025 * size)));
                graphics.draw(new Line2D.Double(px - dx, py - dy, px + dx, py + dy));
            }
        }
    }

    private void paintShape(Graphics2D graphics, ShapeKind kind, int size, double seconds, double share) {
        double swing = Math.sin(2 * Math.PI * 0.6 * seconds + phaseX);
        double scale = radius * size * (1 + kind.pulse() * swing);
        AffineTransform place = new AffineTransform();
        place.translate(
                size * (x + swayX * Math.sin(1.9 * seconds + phaseX)),
                size * (y + swayY * Math.sin(1.5 * seconds + phaseY)));
        place.rotate(angle + direction * 2 * Math.PI * kind.spin() * seconds);
        place.scale(scale * (1 + kind.stretch() * swing), scale * (1 - kind.stretch() * swing));
        float[] first = mix(foreground[0], foreground[2], share);
        float[] second = mix(foreground[1], foreground[3], share);
        graphics.transform(place);
        graphics.setPaint(new GradientPaint(-1, -1, new Color(rgb(first)), 1, 1, new Color(rgb(second))));
        graphics.fill(kind.outline());
    }

    private Image withGrain(int[] pixels, int size) {
        byte[] out = new byte[pixels.length * 3];
        for (int i = 0; i < pixels.length; i++) {
            int bits = noise.nextInt();
            for (int c = 0; c < 3; c++) {
                int value = pixels[i] >> 16 - 8 * c & 0xFF;
                double change = ((bits >> 8 * c & 0xFF) / 127.5 - 1) * grain * 1.7 * 255;
                out[3 * i + c] = (byte) Math.max(0, Math.min(255, Math.round(value + change)));
            }
        }
        return new Image(size, size, 3, out);
    }
}
