package io.github.vicmae.data.view;

import io.github.vicmae.kernel.Philox;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * RandAugment (arXiv 1909.13719) as timm makes it: operations drawn one after the other from fifteen, with replacement, each carried out with
 * a probability and a magnitude of its own.
 *
 * @param operations drawn for a view, 0 for no RandAugment
 * @param probability with which each of them is carried out
 * @param magnitude mean of the magnitude, on a scale whose unit is a tenth of the operation's range
 * @param deviation standard deviation of the magnitude, 0 for none; infinite for magnitudes uniform in [0, {@code magnitude})
 * @param maxMagnitude the magnitude is clipped to 0 to this
 * @param increasing whether all operations get stronger with the magnitude; otherwise Posterize and Solarize get weaker, and Color,
 *     Contrast, Brightness and Sharpness go from 0.1 to 1.9
 */
public record RandAugment(
        int operations, float probability, float magnitude, float deviation, float maxMagnitude, boolean increasing) {
    /** No RandAugment. */
    public static final RandAugment NONE = new RandAugment(0, 0.5f, 0, 0, 10, true);

    private static final String FORM =
            "It is written as rand-m9-mstd0.5-inc1 or none: m is the magnitude, n the number of operations (2), p the "
                    + "probability of each (0.5), mstd the deviation of the magnitude (0), mmax its upper limit (10), inc1 makes all "
                    + "operations grow with it.";
    private static final Pattern SECTION = Pattern.compile("([a-z]+)(\\d+(?:\\.\\d*)?)");
    private static final float UNIFORM_FROM = 100;
    private static final int MOST_OPERATIONS = 100;

    public RandAugment {
        if (operations < 0 || operations > MOST_OPERATIONS) {
            throw new IllegalArgumentException(
                    "RandAugment's operations must be 0 to " + MOST_OPERATIONS + ", not " + operations + ".");
        }
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("RandAugment's probability must be 0 to 1, not " + probability + ".");
        }
        if (!(magnitude >= 0 && magnitude < Float.POSITIVE_INFINITY && deviation >= 0)
                || !(maxMagnitude > 0 && maxMagnitude < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("RandAugment's magnitude and its deviation must not be negative and its"
                    + " upper limit positive, not " + magnitude + ", " + deviation + " and " + maxMagnitude + ".");
        }
    }

    /**
     * Reads timm's notation, such as {@code rand-m9-mstd0.5-inc1} or {@code rand-m7-n4-mstd0.5-inc1}; {@code none} for no RandAugment.
     *
     * @throws IllegalArgumentException with a sentence if the text is something else
     */
    public static RandAugment parse(String text) {
        if (text.equals("none")) {
            return NONE;
        }
        String[] sections = text.split("-", -1);
        if (!sections[0].equals("rand")) {
            throw new IllegalArgumentException("\"" + text + "\" is no RandAugment. " + FORM);
        }
        int operations = 2;
        float probability = 0.5f;
        float magnitude = 10;
        float deviation = 0;
        float most = 10;
        boolean increasing = false;
        for (int i = 1; i < sections.length; i++) {
            Matcher section = SECTION.matcher(sections[i]);
            if (!section.matches()) {
                throw unknown(text, sections[i]);
            }
            float value = Float.parseFloat(section.group(2));
            switch (section.group(1)) {
                case "m" -> magnitude = value;
                case "n" -> operations = whole(text, sections[i], value);
                case "p" -> probability = value;
                case "mstd" -> deviation = value > UNIFORM_FROM ? Float.POSITIVE_INFINITY : value;
                case "mmax" -> most = value;
                case "inc" -> {
                    if (value != 1) {
                        throw unknown(text, sections[i]);
                    }
                    increasing = true;
                }
                default -> throw unknown(text, sections[i]);
            }
        }
        try {
            return new RandAugment(operations, probability, magnitude, deviation, most, increasing);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("\"" + text + "\": " + e.getMessage(), e);
        }
    }

    private static int whole(String text, String section, float value) {
        if (value != Math.rint(value) || value < 1 || value > MOST_OPERATIONS) {
            throw unknown(text, section);
        }
        return (int) value;
    }

    private static IllegalArgumentException unknown(String text, String section) {
        return new IllegalArgumentException(
                "RandAugment does not know \"" + section + "\" in \"" + text + "\". " + FORM);
    }

    /** The fifteen operations, in timm's order. */
    enum Operation {
        AUTO_CONTRAST,
        EQUALIZE,
        INVERT,
        ROTATE,
        POSTERIZE,
        SOLARIZE,
        SOLARIZE_ADD,
        COLOR,
        CONTRAST,
        BRIGHTNESS,
        SHARPNESS,
        SHEAR_X,
        SHEAR_Y,
        TRANSLATE_X,
        TRANSLATE_Y;

        private static final Operation[] ALL = values();

        /**
         * The operation's argument at a magnitude: degrees, bits, a level, a factor, or a share of the side.
         *
         * @param random for the sign, where there is one
         */
        private double argument(double magnitude, boolean increasing, Philox random) {
            double level = magnitude / 10;
            return switch (this) {
                case AUTO_CONTRAST, EQUALIZE, INVERT -> 0;
                case ROTATE -> signed(30 * level, random);
                case POSTERIZE -> {
                    int bits = (int) (4 * level);
                    yield Math.max(0, increasing ? 4 - bits : bits);
                }
                case SOLARIZE -> {
                    int threshold = Math.min(256, (int) (256 * level));
                    yield increasing ? 256 - threshold : threshold;
                }
                case SOLARIZE_ADD -> Math.min(128, (int) (110 * level));
                case COLOR, CONTRAST, BRIGHTNESS, SHARPNESS ->
                    increasing ? Math.max(0.1, 1 + signed(0.9 * level, random)) : 1.8 * level + 0.1;
                case SHEAR_X, SHEAR_Y -> signed(0.3 * level, random);
                case TRANSLATE_X, TRANSLATE_Y -> signed(0.45 * level, random);
            };
        }

        private static double signed(double value, Philox random) {
            return random.nextFloat() < 0.5f ? -value : value;
        }
    }

    /** An operation that is carried out, with its argument. */
    record Step(Operation operation, double argument) {
        /** @param filter of the operations that move pixels */
        void apply(LevelPlanes picture, Resize.Filter filter) {
            switch (operation) {
                case AUTO_CONTRAST -> picture.autoContrast();
                case EQUALIZE -> picture.equalize();
                case INVERT -> picture.solarize(0);
                case ROTATE -> picture.rotate(argument, filter);
                case POSTERIZE -> picture.posterize((int) argument);
                case SOLARIZE -> picture.solarize((int) argument);
                case SOLARIZE_ADD -> picture.solarizeAdd((int) argument);
                case COLOR -> picture.color((float) argument);
                case CONTRAST -> picture.contrast((float) argument);
                case BRIGHTNESS -> picture.brightness((float) argument);
                case SHARPNESS -> picture.sharpness((float) argument);
                case SHEAR_X -> picture.affine(1, argument, 0, 0, 1, 0, filter);
                case SHEAR_Y -> picture.affine(1, 0, 0, argument, 1, 0, filter);
                case TRANSLATE_X -> picture.affine(1, 0, argument * picture.width(), 0, 1, 0, filter);
                case TRANSLATE_Y -> picture.affine(1, 0, 0, 0, 1, argument * picture.height(), filter);
                default -> throw new AssertionError(operation);
            }
        }
    }

    /** Draws the operations of one view; nothing is drawn from {@code random} if there are to be none. */
    List<Step> draw(Philox random) {
        List<Step> steps = new ArrayList<>(operations);
        for (int i = 0; i < operations; i++) {
            Operation operation = Operation.ALL[random.nextInt(Operation.ALL.length)];
            if (random.nextFloat() < probability) {
                steps.add(new Step(operation, operation.argument(drawMagnitude(random), increasing, random)));
            }
        }
        return steps;
    }

    private double drawMagnitude(Philox random) {
        double drawn = magnitude;
        if (deviation == Float.POSITIVE_INFINITY) {
            drawn = magnitude * random.nextFloat();
        } else if (deviation > 0) {
            drawn = magnitude + deviation * random.nextGaussian();
        }
        return Math.max(0, Math.min(maxMagnitude, drawn));
    }
}
