package io.github.vicmae.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory as Linux counts it. */
final class ProcessMemory {
    private ProcessMemory() {}

    /** Bytes now, and the peak is counted anew from here; 0 where the system does not tell. */
    static long resident() {
        try {
            Files.writeString(Path.of("/proc/self/clear_refs"), "5");
        } catch (IOException e) {
            return 0; // then the peak is that of the whole process
        }
        return read("/proc/self/status", "VmRSS:");
    }

    /** The most bytes since {@link #resident()}. */
    static long peak() {
        return read("/proc/self/status", "VmHWM:");
    }

    /** Bytes that the machine has left, or the most there can be where the system does not tell. */
    static long available() {
        long bytes = read("/proc/meminfo", "MemAvailable:");
        return bytes == 0 ? Long.MAX_VALUE : bytes;
    }

    private static long read(String file, String field) {
        try {
            for (String line : Files.readAllLines(Path.of(file))) {
                if (line.startsWith(field)) {
                    return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
        } catch (IOException e) {
            return 0;
        }
        return 0;
    }
}
