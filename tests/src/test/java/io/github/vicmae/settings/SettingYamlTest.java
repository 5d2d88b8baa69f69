package io.github.vicmae.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class SettingYamlTest {
    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        ObjectNode tree = SettingTree.empty();
        SettingTree.put(tree, "a.number", 3);
        SettingTree.put(tree, "a.large", 1L << 50);
        SettingTree.put(tree, "a.small", 1.5e-4);
        SettingTree.put(tree, "a.exact", 0.1 + 0.2);
        SettingTree.put(tree, "a.none", null);
        SettingTree.put(tree, "a.yes", true);
        SettingTree.put(
                tree, "list", new String[] {"no", "010", "1e-4", "true", "null", "~", "", "a: b", "ü\n'\"", "-"});
        assertEquals(tree, SettingYaml.read(SettingYaml.write(tree)));
    }

    @Test
    void valuesAreTypedAsInYaml12() throws IOException {
        ObjectNode tree =
                SettingYaml.read("a: 1e-4\nb: no\nc: 010\nd: 2001-01-01\ne:\nf: .5\ng: -3\nh: 0x10\ni: True\nj: 1_000");
        assertEquals(
                "{\"a\":1.0E-4,\"b\":\"no\",\"c\":\"010\",\"d\":\"2001-01-01\",\"e\":null,\"f\":0.5,\"g\":-3,\"h\":\"0x10\",\"i\":\"True\","
                        + "\"j\":\"1_000\"}",
                tree.toString());
        assertEquals(
                "{\"a\":{\"b\":[1,2]}}",
                SettingYaml.read("{\"a\": {\"b\": [1, 2]}}").toString()); // JSON
        assertEquals("{}", SettingYaml.read("# nothing\n").toString());
    }

    @Test
    void whatIsNoMapOfSettingsIsRefusedInASentence() {
        assertRefused("[1, 2]", "no map of settings");
        assertRefused("text", "no map of settings");
        assertRefused("a: 1\na: 2", "line 2, column 1: found duplicate key a");
        assertRefused("a: [1", "line 1, column 6: expected ',' or ']'");
        assertRefused("a: \tb: c", "line 1, column ");
        assertRefused("a: &x {b: 1}\nc: *x", "aliases");
        assertRefused("a: !!java.net.URL [\"http://x\"]", "line 1, column 4: ");
        assertRefused("a: ".repeat(1) + "[".repeat(40), "");
        assertRefused("x".repeat(2 << 20), "");
        assertRefused("--- {a: 1}\n--- {b: 1}", "line 2, column 1: but found another document");
    }

    private static void assertRefused(String text, String says) {
        IOException e = assertThrows(IOException.class, () -> SettingYaml.read(text));
        assertTrue(String.valueOf(e.getMessage()).contains(says), e.getMessage());
    }
}
