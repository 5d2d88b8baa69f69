package io.github.vicmae.data.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.view.RandAugment.Operation;
import io.github.vicmae.data.view.RandAugment.Step;
import io.github.vicmae.kernel.Philox;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RandAugmentTest {
    private static final int WIDTH = 18;
    private static final int HEIGHT = 15;
    private static final float[] MEAN = {0.485f, 0.456f, 0.406f};

    private static int level(int c, int y, int x) {
        int board = (x / 5 + y / 4) % 2 == 1 ? 97 : 0;
        return (x * x * (3 + c) / 4 + y * (23 - 5 * c) + x * y * c / 2 + 60 * c + board) % 223 + 17;
    }

    private static float[] picture() {
        float[] planes = new float[3 * HEIGHT * WIDTH];
        for (int c = 0, i = 0; c < 3; c++) {
            for (int y = 0; y < HEIGHT; y++) {
                for (int x = 0; x < WIDTH; x++) {
                    planes[i++] = level(c, y, x) / 255f;
                }
            }
        }
        return planes;
    }

    /**
     * Every operation at several arguments against Pillow 9.4. A line of the resource is the operation, its argument, the filter and the
     * resulting bytes, rows of RGB, from the 18 x 15 picture of {@link #level} by, in this order: ImageOps.autocontrast, equalize, invert,
     * posterize, solarize; point with a table (SolarizeAdd); ImageEnhance.Color, Contrast, Brightness, Sharpness; rotate; transform with
     * AFFINE and (1, s, 0, 0, 1, 0), (1, 0, 0, s, 1, 0), (1, 0, p * 18, 0, 1, 0), (1, 0, 0, 0, 1, p * 15); fillcolor (124, 116, 104).
     */
    @Test
    void operationsEqualPillows() throws IOException {
        Map<Operation, Integer> seen = new EnumMap<>(Operation.class);
        try (InputStream in = RandAugmentTest.class.getResourceAsStream("pillow-operations.txt");
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] fields = line.split(" ");
                Operation operation = Operation.valueOf(fields[0]);
                Resize.Filter filter = fields[2].equals("bicubic") ? Resize.Filter.BICUBIC : Resize.Filter.BILINEAR;
                LevelPlanes planes = new LevelPlanes(3, HEIGHT, WIDTH, MEAN);
                planes.load(picture());
                new Step(operation, Double.parseDouble(fields[1])).apply(planes, filter);
                byte[] expected = Base64.getDecoder().decode(fields[3]);
                int different = 0;
                for (int y = 0, i = 0; y < HEIGHT; y++) {
                    for (int x = 0; x < WIDTH; x++) {
                        for (int c = 0; c < 3; c++, i++) {
                            int actual = planes.get(c, y, x);
                            assertEquals(
                                    expected[i] & 0xFF, actual, 1, fields[0] + " " + fields[1] + " at " + x + ", " + y);
                            different += actual == (expected[i] & 0xFF) ? 0 : 1;
                        }
                    }
                }
                assertTrue(different <= expected.length / 100, fields[0] + " " + fields[1] + ": " + different);
                seen.merge(operation, 1, Integer::sum);
            }
        }
        assertEquals(EnumSet.allOf(Operation.class), seen.keySet());
        assertEquals(44, seen.values().stream().mapToInt(Integer::intValue).sum());
    }

    private static Set<Double> arguments(RandAugment randAugment, Operation operation) {
        Set<Double> found = new TreeSet<>();
        for (int i = 0; i < 1500; i++) {
            for (Step step : randAugment.draw(new Philox(3, 0, i, 0))) {
                if (step.operation() == operation) {
                    found.add(Math.round(step.argument() * 1e4) / 1e4);
                }
            }
        }
        return found;
    }

    /** timm's "increasing" maps at magnitudes 9, 10 and 3, and the others at 9. */
    @Test
    void argumentsAreThoseOfTimm() {
        RandAugment nine = RandAugment.parse("rand-m9-inc1-p1");
        assertEquals(Set.of(-27.0, 27.0), arguments(nine, Operation.ROTATE));
        assertEquals(Set.of(1.0), arguments(nine, Operation.POSTERIZE));
        assertEquals(Set.of(26.0), arguments(nine, Operation.SOLARIZE));
        assertEquals(Set.of(99.0), arguments(nine, Operation.SOLARIZE_ADD));
        for (Operation blend :
                List.of(Operation.COLOR, Operation.CONTRAST, Operation.BRIGHTNESS, Operation.SHARPNESS)) {
            assertEquals(Set.of(0.19, 1.81), arguments(nine, blend));
        }
        assertEquals(Set.of(-0.27, 0.27), arguments(nine, Operation.SHEAR_X));
        assertEquals(Set.of(-0.27, 0.27), arguments(nine, Operation.SHEAR_Y));
        assertEquals(Set.of(-0.405, 0.405), arguments(nine, Operation.TRANSLATE_X));
        assertEquals(Set.of(-0.405, 0.405), arguments(nine, Operation.TRANSLATE_Y));
        RandAugment ten = RandAugment.parse("rand-p1-inc1");
        assertEquals(Set.of(0.0), arguments(ten, Operation.POSTERIZE));
        assertEquals(Set.of(0.0), arguments(ten, Operation.SOLARIZE));
        assertEquals(Set.of(0.1, 1.9), arguments(ten, Operation.COLOR));
        RandAugment three = RandAugment.parse("rand-m3-p1-inc1");
        assertEquals(Set.of(3.0), arguments(three, Operation.POSTERIZE));
        assertEquals(Set.of(180.0), arguments(three, Operation.SOLARIZE));
        RandAugment other = RandAugment.parse("rand-m9-p1");
        assertEquals(Set.of(3.0), arguments(other, Operation.POSTERIZE));
        assertEquals(Set.of(230.0), arguments(other, Operation.SOLARIZE));
        assertEquals(Set.of(1.72), arguments(other, Operation.SHARPNESS));
    }

    @Test
    void operationsAreDrawnEvenlyAndMagnitudesAroundTheirMean() {
        RandAugment usual = RandAugment.parse("rand-m9-mstd0.5-inc1");
        assertEquals(new RandAugment(2, 0.5f, 9, 0.5f, 10, true), usual);
        int[] count = new int[Operation.values().length];
        int views = 6000;
        double sum = 0;
        double squares = 0;
        int shears = 0;
        int clipped = 0;
        for (int i = 0; i < views; i++) {
            for (Step step : usual.draw(new Philox(1, 2, i, 0))) {
                count[step.operation().ordinal()]++;
                if (step.operation() == Operation.SHEAR_X || step.operation() == Operation.SHEAR_Y) {
                    double magnitude = Math.abs(step.argument()) / 0.03;
                    sum += magnitude;
                    squares += magnitude * magnitude;
                    shears++;
                    assertTrue(magnitude <= 10 + 1e-9);
                    clipped += magnitude > 10 - 1e-9 ? 1 : 0;
                }
            }
        }
        for (int one : count) {
            assertEquals(views / 15.0, one, 90); // 4.5 standard deviations
        }
        double mean = sum / shears;
        assertEquals(9, mean, 0.06);
        assertEquals(0.49, Math.sqrt(squares / shears - mean * mean), 0.04);
        assertTrue(clipped > 5 && clipped < 40, "clipped " + clipped); // 2.3 % of 800
        assertEquals(4, RandAugment.parse("rand-m7-n4-mstd0.5-inc1").operations());
        assertEquals(
                Float.POSITIVE_INFINITY, RandAugment.parse("rand-m9-mstd101").deviation());
    }

    @Test
    void noneDrawsNothing() {
        Philox random = new Philox(1, 0, 0, 0);
        assertEquals(List.of(), RandAugment.parse("none").draw(random));
        assertEquals(new Philox(1, 0, 0, 0).nextInt(), random.nextInt());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "rand-",
                "rand-9",
                "rand-x9",
                "rand-m",
                "rand-m9-inc0",
                "rand-n1.5",
                "rand-n0",
                "rand-tweights",
                "augmix-m3",
                "original",
                "rand-m9-mstd-0.5",
                "Rand-m9",
                "rand-p1.5",
                "rand-mmax0"
            })
    void otherTextIsRefusedInASentence(String text) {
        String message = assertThrows(IllegalArgumentException.class, () -> RandAugment.parse(text))
                .getMessage();
        assertTrue(message.contains("\"" + text + "\"") && message.endsWith("."), message);
    }

    /** A picture with alpha moves it, and changes colours alone; one of luma has no colour to change. */
    @Test
    void otherNumbersOfChannels() {
        for (int channels : new int[] {1, 2, 4}) {
            float[] mean = new float[channels];
            Arrays.fill(mean, 0.5f);
            LevelPlanes planes = new LevelPlanes(channels, HEIGHT, WIDTH, mean);
            float[] values = new float[channels * HEIGHT * WIDTH];
            for (int i = 0; i < values.length; i++) {
                values[i] = i % 200 / 255f;
            }
            for (Operation operation : Operation.values()) {
                planes.load(values);
                new Step(operation, operation == Operation.ROTATE ? 20 : 0.3).apply(planes, Resize.Filter.BICUBIC);
                boolean moves = operation == Operation.ROTATE || operation.ordinal() >= Operation.SHEAR_X.ordinal();
                if (channels != 1) {
                    boolean same = true;
                    int alpha = channels - 1;
                    for (int i = 0; i < HEIGHT * WIDTH; i++) {
                        int was = (alpha * HEIGHT * WIDTH + i) % 200;
                        same &= planes.get(alpha, i / WIDTH, i % WIDTH) == was;
                    }
                    assertEquals(moves, !same, operation + " of " + channels);
                }
            }
        }
    }
}
