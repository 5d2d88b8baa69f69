package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestSeed;
import io.github.vicmae.device.DeviceException;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PtxModuleTest {
    private static final String ORDINARY = """
            .version 7.4
            .target sm_80
            .address_size 64
            .extern .shared .align 16 .b8 dynamic_shared[];
            .visible .entry scale(
            \t.param .u64 scale_param_0,
            \t.param .u64 scale_param_1,
            \t.param .f32 scale_param_2,
            \t.param .u32 scale_param_3
            )
            .maxntid 256, 1, 1
            {
            \t.reg .b32 %r<4>;
            \tld.param.u64 %rd1, [scale_param_0];
            \tret;
            }
            .visible .entry nothing()
            { ret; }
            """;

    private static DeviceException refused(String ptx, String name, String signature) {
        PtxModule module = PtxModule.parse("m.ptx", ptx);
        return assertThrows(DeviceException.class, () -> module.check(name, signature));
    }

    @Test
    void kernelsOfAModule() {
        PtxModule module = PtxModule.parse("m.ptx", ORDINARY);
        assertEquals(Set.of("scale", "nothing"), module.names());
        assertDoesNotThrow(() -> module.check("scale", "ppfi"));
        assertDoesNotThrow(() -> module.check("scale", "plfi"));
        assertDoesNotThrow(() -> module.check("nothing", ""));
        String message = refused(ORDINARY, "scale", "ppif").getMessage();
        assertTrue(
                message.startsWith(
                        "scale in m.ptx takes (ppfi), but Java asks for (ppif): parameter 3 is .f32 (f), not i"),
                message);
        message = refused(ORDINARY, "scales", "ppfi").getMessage();
        assertTrue(message.startsWith("m.ptx has no kernel 'scales', it has nothing, scale."), message);
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            .param .u64 a,                        p, i
            .param .s64 a,                        l, f
            .param .b64 a,                        p, i
            .param .u64 .ptr a,                   p, l
            .param .u64 .ptr .global .align 16 a, p, l
            .param.u64.ptr.shared.align 4 a,      p, l
            .param .u32 a,                        i, f
            .param .s32 a,                        i, l
            .param .b32 a,                        i, p
            .param .b32 a,                        f, l
            .param .align 4 .f32 a,               f, i
            """)
    void typesAndTheirLetters(String parameter, String letter, String other) {
        String ptx = ".entry k(" + parameter + ", .param .u32 last) { ret; }";
        assertDoesNotThrow(() -> PtxModule.parse("m.ptx", ptx).check("k", letter + "i"));
        refused(ptx, "k", other + "i");
        refused(ptx, "k", letter);
        refused(ptx, "k", letter + "ii");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ".param .align 8 .b8 a[16]",
                ".param .b8 a[ 4 ]",
                ".param .u32 a[1]",
                ".param .f64 a",
                ".param .u8 a",
                ".param .b16 a",
                ".param .f16x2 a",
                ".param .texref a",
                ".param .unheard_of a"
            })
    void typesThatJavaCannotPass(String parameter) {
        for (String letter : List.of("p", "l", "i", "f")) {
            String message =
                    refused(".entry k(" + parameter + ") {}", "k", letter).getMessage();
            assertTrue(message.contains("takes (?)") && message.contains("which no letter stands for"), message);
        }
        assertTrue(refused(".entry k(.param .align 8 .b8 a[16]) {}", "k", "p")
                .getMessage()
                .contains("parameter 1 is .b8[16],"));
    }

    @Test
    void whatOnlyLooksLikeAKernelIsPassedOver() {
        String ptx = """
                // .entry in_a_line(.param .u32 a
                /* .entry in_a_comment(.param .u32 a) {}
                   " // */
                .file 1 "/tmp/.entry in_a_string(.cu"
                .file 2 "with \\" .entry escaped("
                .func (.param .b32 r) called(.param .b64 a) { ret; }
                .global .b8 entry[4];
                .weak/*no space*/.entry/**/$k%1_(.param/**/.u32/* a comment, */a, // and, another)
                  .param .f32 b) .reqntid 32 { bra $L__entry; $L__entry: ret; }
                .section .debug_str { .b8 46 "unterminated
                }
                .entry last { ret; }""";
        PtxModule module = PtxModule.parse("m.ptx", ptx);
        assertEquals(Set.of("$k%1_", "last"), module.names());
        assertDoesNotThrow(() -> module.check("$k%1_", "if"));
        assertDoesNotThrow(() -> module.check("last", ""));
    }

    @Test
    void aDeclarationAndItsDefinitionAreOneKernel() {
        String ptx = ".extern .entry k (.param .u32 a);\r\n.visible .entry k\r\n(\r\n.param .u32 b\r\n)\r\n{ ret; }";
        assertEquals(Set.of("k"), PtxModule.parse("m.ptx", ptx).names());
        assertDoesNotThrow(() -> PtxModule.parse("m.ptx", ptx).check("k", "i"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " \n\t", ".version 7.4", "/*", "//", "\"", "\"\\", ".", "}{)(", ".entry_point k("})
    void textWithoutKernels(String ptx) {
        assertEquals(Set.of(), PtxModule.parse("m.ptx", ptx).names());
        assertTrue(refused(ptx, "k", "p").getMessage().startsWith("m.ptx has no kernel 'k', it has none at all."));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            .entry                          | an .entry should have a name, but the text ends
            .entry (.param .u32 a)          | an .entry should have a name, but '(' was found
            .entry k(                       | parameter 1 of k should have .param, but the text ends
            .entry k(.u32 a)                | parameter 1 of k should have .param, but '.u32' was found
            .entry k(.param .u32 a,)        | parameter 2 of k should have .param, but ')' was found
            .entry k(.param .u32 a, .param  | parameter 2 of k should have a comma or ')', but the text ends
            .entry k(.param .u32 a /* )     | parameter 1 of k should have a comma or ')', but the text ends
            .entry k(.param a)              | parameter 1 of k should have a type, but ')' was found
            .entry k(.param .b8 a[)         | parameter 1 of k should have a length in brackets, but ')' was found
            .entry k(.param .b8 a[          | parameter 1 of k should have a length in brackets, but the text ends
            """)
    void unreadableListsAreSentences(String ptx, String reason) {
        DeviceException e = assertThrows(DeviceException.class, () -> PtxModule.parse("m.ptx", ptx));
        assertEquals("m.ptx cannot be read: " + reason + ". Build the CUDA modules anew", e.getMessage());
    }

    @Test
    void damagedTextNeverDoesAnythingElse() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        String alphabet = ".,()[]{}\"\\/*\n entryparamu3264$%";
        for (int i = 0; i < 2000; i++) {
            StringBuilder text = new StringBuilder(ORDINARY);
            text.setLength(random.nextInt(text.length() + 1));
            for (int change = random.nextInt(8); change > 0 && !text.isEmpty(); change--) {
                text.setCharAt(random.nextInt(text.length()), alphabet.charAt(random.nextInt(alphabet.length())));
            }
            try {
                PtxModule.parse("m.ptx", text.toString()).check("scale", "ppfi");
            } catch (DeviceException e) {
                assertTrue(e.getMessage().contains("m.ptx"), e.getMessage());
            } catch (RuntimeException e) {
                throw new AssertionError("-Dvicmae.test.seed=" + seed + ": " + text, e);
            }
        }
    }
}
