package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryLoaderTest {
    @TempDir
    Path folder; // in the temporary folder, as what is unpacked

    @Test
    void whatCannotBeLoadedIsASentenceWithAWayOut() throws IOException {
        Path empty = Files.createFile(folder.resolve("libempty.so"));
        DeviceException e = assertThrows(DeviceException.class, () -> LibraryLoader.load("The kernels in", empty));
        assertTrue(e.getMessage().startsWith("The kernels in " + empty + " could not be loaded: "), e.getMessage());
        assertTrue(
                e.getMessage().contains("If the folder is mounted noexec, name another with -Djava.io.tmpdir=FOLDER"));
    }

    @Test
    void theLoadersReasonIsTold() throws IOException {
        Files.createFile(folder.resolve("libempty.so.1"));
        LibraryPath path = new LibraryPath(Path.of("/"), folder.toString());
        assertTrue(path.refusal("libempty.so.1").contains("file too short"), path.refusal("libempty.so.1"));
        assertNull(path.refusal("libnowhere.so.1"));
        assertEquals(folder.resolve("libempty.so.1"), path.find("libempty.so.1"));
    }
}
