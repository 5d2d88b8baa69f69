package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PyTorchCheckpointTest {
    @TempDir
    Path folder;

    private Path archive(byte[] pickle, int method) throws IOException {
        return Pickler.archive(folder.resolve("made-up.pth"), pickle, method);
    }

    private TensorSource open(Pickler pickler) throws IOException {
        return TensorSource.open(pickler.write(folder.resolve("made-up.pth")));
    }

    private void refused(Pickler pickler, String words) throws IOException {
        Path file = pickler.write(folder.resolve("made-up.pth"));
        IOException thrown =
                assertThrows(IOException.class, () -> TensorSource.open(file).close());
        assertTrue(thrown.getMessage().startsWith(file.toString()), thrown.getMessage());
        assertTrue(thrown.getMessage().contains(words), thrown.getMessage());
    }

    @Test
    void thePublishedLayoutEqualsTheGoldenTensors() throws IOException {
        Path pth = TestData.shared("golden/release-tiny.pth");
        try (TensorSource source = TensorSource.open(pth);
                TensorSource golden = TensorSource.open(TestData.shared("golden/release-tiny.safetensors"))) {
            assertTrue(assertInstanceOf(PyTorchCheckpoint.class, source).epoch().isPresent());
            List<String> names = source.names();
            assertEquals(
                    golden.names().stream().filter(n -> n.startsWith("after.")).count(), names.size());
            for (String name : names) {
                TensorInfo info = source.info(name);
                assertArrayEquals(golden.info("after." + name).shape(), info.shape(), name);
                if (info.dtype().isFloat()) {
                    assertArrayEquals(golden.floats("after." + name), source.floats(name), name);
                } else {
                    assertArrayEquals(golden.longs("after." + name), source.longs(name), name);
                }
            }
        }
    }

    @Test
    void stridedViewsAreReadInRowMajorOrder() throws IOException {
        Pickler pickler = new Pickler().op('}', '(').text("model").op('}', '(');
        pickler.text("plain").tensor("FloatStorage", 2, new long[] {2, 3}, new long[] {3, 1});
        pickler.text("transposed").tensor("FloatStorage", 0, new long[] {3, 4}, new long[] {1, 3});
        pickler.text("column").tensor("FloatStorage", 1, new long[] {4}, new long[] {3});
        pickler.text("repeated").tensor("FloatStorage", 5, new long[] {2, 2}, new long[] {0, 1});
        pickler.text("scalar").tensor("FloatStorage", 11, new long[] {}, new long[] {});
        pickler.text("empty").tensor("FloatStorage", 12, new long[] {0, 3}, new long[] {3, 1});
        pickler.text("parameter").global("torch._utils", "_rebuild_parameter").op('(');
        pickler.tensor("FloatStorage", 0, new long[] {1}, new long[] {1})
                .op(0x88)
                .op('}', 't', 'R');
        pickler.op('u').text("epoch").number(799).op('u');
        try (TensorSource source = open(pickler)) {
            assertEquals(OptionalLong.of(799), ((PyTorchCheckpoint) source).epoch());
            assertArrayEquals(new float[] {2, 3, 4, 5, 6, 7}, source.floats("plain"));
            assertArrayEquals(new float[] {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}, source.floats("transposed"));
            assertArrayEquals(new float[] {1, 4, 7, 10}, source.floats("column"));
            assertArrayEquals(new float[] {5, 6, 5, 6}, source.floats("repeated"));
            assertArrayEquals(new float[] {11}, source.floats("scalar"));
            assertArrayEquals(new float[0], source.floats("empty"));
            assertArrayEquals(new float[] {0}, source.floats("parameter"));
            ByteBuffer part = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            source.read("transposed", 16, part);
            assertEquals(1, part.getFloat(0));
            assertEquals(4, part.getFloat(4));
        }
    }

    @Test
    void aPlainStateDictNeedsNoWrapper() throws IOException {
        Pickler pickler = new Pickler().global("collections", "OrderedDict").op(')', 'R', '(');
        pickler.text("norm.weight")
                .tensor("HalfStorage", 0, new long[] {2}, new long[] {1})
                .op('u');
        // torch.save keeps a state dict's _metadata as an attribute.
        pickler.op('}').text("_metadata").op('}', 's', 'b');
        try (TensorSource source = open(pickler)) {
            assertEquals(List.of("norm.weight"), source.names());
            assertEquals(DType.F16, source.info("norm.weight").dtype());
            assertFalse(source.contains("_metadata"));
        }
    }

    @Test
    void nothingIsExecutedAndStrangersAreRefusedByName() throws IOException {
        Path proof = folder.resolve("proof");
        Pickler elsewhere =
                new Pickler().op('}', '(').text("args").global("os", "system").op('(');
        elsewhere.text("touch " + proof).op('t', 'R').text("model").op('}', '(');
        elsewhere
                .text("w")
                .tensor("FloatStorage", 0, new long[] {1}, new long[] {1})
                .op('u', 'u');
        try (TensorSource source = open(elsewhere)) {
            assertEquals(List.of("w"), source.names());
        }
        Pickler inside =
                new Pickler().op('}', '(').text("w").global("os", "system").op('(');
        refused(inside.text("touch " + proof).op('t', 'R', 'u'), "os.system");
        assertFalse(Files.exists(proof));
        refused(new Pickler().op('}', '(').text("epoch").number(3).op('u'), "epoch");
    }

    @Test
    void viewsBeyondTheirStorageAreRefused() throws IOException {
        long[][][] shapes = {
            {{0}, {13}, {1}},
            {{12}, {1}, {1}},
            {{-1}, {1}, {1}},
            {{Long.MAX_VALUE}, {2}, {1}},
            {{0}, {2}, {Long.MAX_VALUE}},
            {{0}, {2}, {-1}},
            {{0}, {1L << 40}, {0}},
            {{0}, {1L << 40, 1L << 40}, {0, 0}},
            {{0}, {3, 3}, {5, 1}},
            {{0}, {2}, {1, 1}},
        };
        for (long[][] s : shapes) {
            Pickler pickler = new Pickler().op('}', '(').text("w");
            refused(pickler.tensor("FloatStorage", s[0][0], s[1], s[2]).op('u'), "entry w");
        }
        refused(
                new Pickler()
                        .op('}', '(')
                        .text("w")
                        .tensor("QInt8Storage", 0, new long[] {1}, new long[] {1})
                        .op('u'),
                "torch.QInt8Storage");
    }

    @Test
    void hostilePicklesAreRefused() throws IOException {
        refused(new Pickler(), "empty stack");
        refused(new Pickler().op('('), "empty stack");
        refused(new Pickler().op('t'), "mark");
        refused(new Pickler().op('h', 5), "memo 5");
        refused(new Pickler().op('X', 0xff, 0xff, 0xff, 0x7f), "beyond its end");
        refused(new Pickler().op('N'), "not a dictionary");
        refused(new Pickler().op('}'), "empty");
        refused(new Pickler().op('i'), "opcode 0x69");
        refused(new Pickler().op(0x80, 9), "protocol 9");
        refused(new Pickler().op('N', ')', 'R'), "calls something");
        // A list that contains itself, as a dictionary's key.
        refused(new Pickler().op('}', '(', ']', 'q', 0, 'h', 0, 'a', 'N', 'u'), "empty");
        int[] marks = new int[5 << 20];
        Arrays.fill(marks, '}');
        refused(new Pickler().op(marks), "more than");
        Path unfinished = archive(new byte[] {(byte) 0x80, 2, 'J'}, ZipEntry.STORED);
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(unfinished))
                .getMessage()
                .contains("ends early"));
        Path compressed = archive(new Pickler().op('}').end(), ZipEntry.DEFLATED);
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(compressed))
                .getMessage()
                .contains("compressed"));
    }

    @Test
    void otherFilesAreNamed() throws IOException {
        Path old = Files.write(folder.resolve("old.pth"), new byte[] {(byte) 0x80, 2, (byte) 0x8a, 10, 0x6c, 1});
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(old))
                .getMessage()
                .contains("1.6"));
        Path zip = Files.write(folder.resolve("cut.pth"), new byte[] {'P', 'K', 3, 4, 0, 0});
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(zip))
                .getMessage()
                .contains("zip"));
        assertThrows(IOException.class, () -> TensorSource.open(folder));
    }

    @Test
    void mutatedCheckpointsAreReadOrRefused() throws IOException {
        Pickler pickler = new Pickler().op('}', '(').text("model").op('}', '(');
        pickler.text("a")
                .tensor("FloatStorage", 2, new long[] {2, 3}, new long[] {3, 1})
                .op('q', 1);
        pickler.text("b").tensor("FloatStorage", 0, new long[] {3, 4}, new long[] {1, 3});
        pickler.op('u').text("args").global("argparse", "Namespace").op(')', 0x81, '}', 'b', 'u');
        Mutations.areReadOrRefused(pickler.write(folder.resolve("valid.pth")), PyTorchCheckpoint::open);
    }

    @Test
    void expandedTensorsAreRead() throws IOException {
        Pickler pickler = new Pickler().dict();
        pickler.text("w").tensor("FloatStorage", 1, new long[] {96}, new long[] {0});
        pickler.text("rows").tensor("FloatStorage", 4, new long[] {50, 2}, new long[] {0, 1});
        try (TensorSource source = open(pickler.endDict())) {
            float[] ones = new float[96];
            Arrays.fill(ones, 1);
            assertArrayEquals(ones, source.floats("w"));
            float[] rows = source.floats("rows");
            assertEquals(100, rows.length);
            assertTrue(rows[0] == 4 && rows[98] == 4 && rows[99] == 5);
        }
        // A few hundred bytes must not ask for gigabytes.
        refused(
                new Pickler()
                        .dict()
                        .text("w")
                        .tensor("FloatStorage", 0, new long[] {1L << 27}, new long[] {0})
                        .endDict(),
                "make it contiguous");
    }

    @Test
    void anExpandedTensorOfPyTorchIsRead() throws IOException {
        try (TensorSource source = TensorSource.open(TestData.shared("data/reports/expand.pth"))) {
            float[] ones = new float[96];
            Arrays.fill(ones, 1);
            assertArrayEquals(ones, source.floats("w"));
        }
    }

    private static Pickler weight(Pickler pickler, String name, int value) {
        return pickler.text(name).tensor("FloatStorage", value, new long[] {1}, new long[] {1});
    }

    @Test
    void extrasArePassedOverAndNamed() throws IOException {
        Pickler pickler = new Pickler().dict();
        weight(pickler, "w", 3);
        pickler.text("blocks.0._extra_state").op('N');
        pickler.text("scale").op('G', 0x40, 0x24, 0, 0, 0, 0, 0, 0);
        pickler.text("iteration").number(17);
        pickler.text("hyper_parameters").op('}');
        pickler.text("wide").tensor("ComplexFloatStorage", 0, new long[] {1}, new long[] {1});
        pickler.text("callback").global("os", "system").op(')', 'R');
        try (TensorSource source = open(pickler.endDict())) {
            assertEquals(List.of("w"), source.names());
            assertArrayEquals(new float[] {3}, source.floats("w"));
            Map<String, String> passedOver = source.passedOver();
            assertEquals("None", passedOver.get("blocks.0._extra_state"));
            assertEquals("10.0", passedOver.get("scale"));
            assertEquals("17", passedOver.get("iteration"));
            assertEquals("a dictionary", passedOver.get("hyper_parameters"));
            assertTrue(passedOver.get("wide").contains("torch.ComplexFloatStorage"), passedOver.get("wide"));
            assertTrue(passedOver.get("callback").contains("os.system"), passedOver.get("callback"));
            IOException asked = assertThrows(IOException.class, () -> source.floats("scale"));
            assertTrue(asked.getMessage().contains("scale is 10.0"), asked.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "state_dict", "model_state_dict", "model_state", "module", "ema", "my_weights"})
    void stateDictsAreFoundUnderTheirNames(String name) throws IOException {
        Pickler pickler =
                new Pickler().dict().text("epoch").number(4).text(name).dict();
        weight(pickler, "w", 5).endDict();
        pickler.text("optimizer").dict().text("state").dict().number(0).dict();
        weight(pickler, "exp_avg", 1).endDict().endDict().endDict();
        try (TensorSource source = open(pickler.endDict())) {
            assertEquals(List.of("w"), source.names());
            assertArrayEquals(new float[] {5}, source.floats("w"));
        }
    }

    @Test
    void weightsInTrainingGoBeforeTheirAverage() throws IOException {
        Pickler pickler = new Pickler().dict().text("ema").dict();
        weight(pickler, "w", 1)
                .endDict()
                .text("checkpoint")
                .dict()
                .text("state_dict")
                .dict();
        weight(pickler, "w", 2)
                .endDict()
                .endDict()
                .text("model")
                .dict()
                .text("module")
                .dict();
        weight(pickler, "w", 3).endDict().endDict();
        try (TensorSource source = open(pickler.endDict())) {
            assertArrayEquals(new float[] {3}, source.floats("w"));
            assertEquals("another state dict", source.passedOver().get("ema"));
        }
    }

    @Test
    void unclearStateDictsAreRefused() throws IOException {
        Pickler two = new Pickler().dict().text("first").dict();
        weight(two, "w", 1).endDict().text("second").dict();
        refused(
                weight(two, "w", 1).endDict().endDict(),
                "several state dicts, and none under a usual name: first, second");
        Pickler module =
                new Pickler().global("timm.models", "VisionTransformer").op(')', 0x81, '}', 'b');
        refused(module, "timm.models.VisionTransformer");
        // A dictionary that is its own entry 'model'.
        refused(new Pickler().op('}', 'q', 0, '(').text("model").op('h', 0).endDict(), "no tensors");
    }
}
