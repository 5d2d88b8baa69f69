package io.github.vicmae.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UserLossTest {
    private static final ContrastiveShape SHAPE = ContrastiveShape.of(6, 5, 0.1f, false);
    private static final String KERNELS = "KERNEL(one, LOSS_PARAMETERS) {}\nKERNEL(two, LOSS_PARAMETERS) {}\n";
    private static final String LAUNCHES =
            "// @forward one blocks = 1 threads = 32\n// @backward two blocks = rows threads = 64\n";

    @TempDir
    Path folder;

    private UserLoss loss(String text) throws IOException {
        return UserLoss.read(Files.writeString(folder.resolve("mine.cu"), text));
    }

    @ParameterizedTest
    @CsvSource({
        "7, 7",
        "rows, 6",
        "2 * rows + columns, 18",
        "2*(rows+columns)*width, 120",
        "(rows + 63) / 64, 1",
        "rows - 2 - 1, 3",
        "24 / 2 / 3, 4",
        "-(width) + 9, 4",
        "rows * columns / width, 7"
    })
    void sizes(String expression, long value) {
        assertEquals(value, new SizeExpression(expression).of(SHAPE));
    }

    @ParameterizedTest
    @CsvSource({
        "'', a size is missing",
        "rows +, should come at its end",
        "(rows, ')' should come at its end",
        "rows), in place of ')'",
        "height, in place of 'height'",
        "rows rows, in place of 'rows'",
        "2 ** 3, in place of '* 3'",
        "1.5, in place of '.5'",
        "99999999999999999999, in place of '99999999999999999999'",
        "999999999999999999 * 999999999999999999, leaves the range of 64 bits"
    })
    void wrongSizes(String expression, String says) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> new SizeExpression(expression));
        assertTrue(e.getMessage().contains(says), e.getMessage());
    }

    @Test
    void sizesWithoutAValue() {
        for (String expression : new String[] {"1 / (rows - 6)", "999999999999999999 * rows * rows"}) {
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> new SizeExpression(expression).of(SHAPE));
            assertTrue(e.getMessage().contains("has no value for 6 rows, 6 columns and width 5"), e.getMessage());
        }
    }

    /** The line that is added behind two others, and what is said of it. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "// @forwards one blocks = 1 threads = 1|mine.cu:3: there is no @forwards",
                "// @forward|mine.cu:3: '' should be a kernel's name",
                "// @forward three blocks = 1 threads = 1|mine.cu:3: there is no KERNEL(three, LOSS_PARAMETERS) in this file;"
                        + " it has one, two",
                "// @forward one blocks = 1|mine.cu:3: the launch of one lacks threads = SIZE",
                "// @forward one threads = 1|mine.cu:3: the launch of one lacks blocks = SIZE",
                "// @forward one blocks = 1 threads = 1 lanes = 2|mine.cu:3: a launch has no 'lanes'",
                "// @forward one blocks = 1 threads = 1 threads = 2|mine.cu:3: 'threads' is said twice",
                "// @forward one blocks = 1 threads = |mine.cu:3: a size is missing",
                "// @forward one blocks 1 threads = 1|mine.cu:3: 'blocks 1",
                "// @forward one blocks = row threads = 1|mine.cu:3: 'row' cannot be read",
                "// @scratch 2 rows|mine.cu:3: '2 rows' cannot be read"
            })
    void wrongLines(String line, String says) {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> loss(LAUNCHES + line + "\n" + KERNELS));
        assertTrue(e.getMessage().contains(says), e.getMessage());
    }

    @Test
    void wrongFiles() throws IOException {
        for (String[] wrong : new String[][] {
            {KERNELS, "no line '// @forward KERNEL"},
            {LAUNCHES.lines().findFirst().orElseThrow() + "\n" + KERNELS, "no line '// @backward KERNEL"},
            {"// @scratch 1\n// @scratch 2\n" + LAUNCHES + KERNELS, "mine.cu:2: @scratch is given already in line 1"},
            {
                LAUNCHES.replace("one", "matmul_mma_nn_large") + KERNELS.replace("one", "matmul_mma_nn_large"),
                "the library has a kernel of its own named matmul_mma_nn_large"
            }
        }) {
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> loss(wrong[0]));
            assertTrue(e.getMessage().contains(wrong[1]), e.getMessage());
        }
        Files.write(folder.resolve("binary.cu"), new byte[] {(byte) 0xC3, (byte) 0x28});
        IllegalArgumentException binary =
                assertThrows(IllegalArgumentException.class, () -> UserLoss.read(folder.resolve("binary.cu")));
        assertTrue(binary.getMessage().contains("cannot be read as a UTF-8 text"), binary.getMessage());
    }

    /** How much memory it takes is known without a compiler, and sizes that cannot be launched show then, with their line. */
    @Test
    void isPlannedWithoutABuild() throws IOException {
        assertEquals(30 * Float.BYTES, scratch("// @scratch rows * width\n" + LAUNCHES + KERNELS));
        assertEquals(0, scratch(LAUNCHES + KERNELS));
        for (String[] wrong : new String[][] {
            {LAUNCHES.replace("threads = 32", "threads = 32 * 33"), "mine.cu:1: threads = 32 * 33 is 1056"},
            {LAUNCHES.replace("blocks = rows", "blocks = rows / 7"), "mine.cu:2: blocks = rows / 7 is 0 for 6 rows"},
            {LAUNCHES.replace("= 64", "= 64 shared = 0 - 4"), "mine.cu:2: shared = 0 - 4 is -4"},
            {"// @scratch 9999999 * 9999999\n" + LAUNCHES, "mine.cu:1: @scratch = "}
        }) {
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> scratch(wrong[0] + KERNELS));
            assertTrue(e.getMessage().contains(wrong[1]), e.getMessage());
        }
    }

    /** As much shared memory as a block has on some cards is taken, and more is not. */
    @Test
    void sharedMemory() throws IOException {
        String most = LAUNCHES.replace("= 64", "= 64 shared = 38 * 1024 * rows - 1024");
        assertEquals(227 << 10, loss(most + KERNELS).shared(SHAPE));
        assertEquals(0, loss(LAUNCHES + KERNELS).shared(SHAPE));
        UserLoss more = loss(most.replace("- 1024", "- 1020") + KERNELS);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> more.shared(SHAPE));
        assertTrue(e.getMessage().contains("mine.cu:2: shared = "), e.getMessage());
    }

    /** What is commented out is no kernel, whatever its name; what a string or a line's comment holds opens no comment. */
    @Test
    void commentsHoldNoKernels() throws IOException {
        String old = "/* as it was\nKERNEL(matmul_mma_nn_large, LOSS_PARAMETERS) {}\n*/\n";
        String confusing = "// over a/* and\nconst char* const glob = \"a/*\";\n";
        assertEquals(
                Set.of("one", "two"),
                loss(LAUNCHES + confusing + old + KERNELS).library().kernels());
    }

    private long scratch(String text) throws IOException {
        Kernels kernels = Kernels.onNewStream(new PlanningDevice(Device.Kind.CUDA));
        Arena arena = new Arena("plan");
        loss(text).create(kernels, arena, new Scratch(), SHAPE);
        kernels.stream().close();
        return arena.tensors().stream()
                .filter(t -> t.name().equals(Scratch.NAME))
                .mapToLong(t -> t.bytes())
                .sum();
    }

    @Test
    void theHashIsTheContents() throws IOException {
        String before = loss(LAUNCHES + KERNELS).hash();
        assertEquals(before, loss(LAUNCHES + KERNELS).hash());
        assertNotEquals(before, loss(LAUNCHES + KERNELS + " ").hash());
        assertTrue(UserLoss.isFile("a/b.cu") && !UserLoss.isFile("infonce"));
    }
}
