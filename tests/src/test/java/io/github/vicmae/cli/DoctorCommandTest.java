package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.device.system.SystemInfo;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What doctor and info print. */
class DoctorCommandTest {
    /** Before NVIDIA's driver is looked for: a process can use one driver. */
    @BeforeAll
    static void chooseDriver() {
        KernelFixture.devices();
    }

    private static String run(int status, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        assertEquals(status, Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args), err.toString());
        assertEquals("", err.toString());
        return out.toString();
    }

    @Test
    void doctorSaysTheSameToPeopleAndPrograms() throws IOException {
        String text = run(0, "doctor");
        assertTrue(text.contains("The CPU device works: cpu: "), text);
        assertTrue(text.contains("'--device auto' takes "), text);
        JsonNode json = new ObjectMapper().readTree(run(0, "doctor", "--json"));
        List<String> keys = new ArrayList<>();
        json.fieldNames().forEachRemaining(keys::add);
        json.get("java").fieldNames().forEachRemaining(keys::add);
        assertEquals(
                List.of("usable", "auto", "cpu", "cuda", "java", "sentences", "missing", "version", "home"),
                keys,
                "the order is the same in every run");
        assertTrue(json.get("usable").booleanValue() && json.get("cpu").booleanValue());
        assertEquals(System.getProperty("java.home"), json.at("/java/home").textValue());
        assertTrue(
                json.get("auto").textValue().matches(json.get("cuda").booleanValue() ? "cuda:\\d+" : "cpu"),
                json.toString());
        json.get("sentences").forEach(s -> assertTrue(text.contains(s.textValue()), s.textValue()));
        json.get("missing")
                .forEach(m -> assertTrue(text.contains(m.get("command").textValue()), m.toString()));
    }

    @Test
    void infoSaysTheSameToPeopleAndPrograms() throws IOException {
        String text = run(0, "info");
        for (String name : List.of("java.home", "CPU device", "libcublas.so.13", "nvcc", "jcuda", "cubins", "memory")) {
            assertTrue(text.contains(name), name + " is not in:\n" + text);
        }
        JsonNode json = new ObjectMapper().readTree(run(0, "info", "--json"));
        assertTrue(text.contains(json.at("/processor/kernels").textValue()));
        assertTrue(text.contains(json.at("/dependencies/lwjgl").textValue()));
    }

    /** A GPU host with the small distribution: all that is known is printed, and what is missing comes with a command. */
    @Test
    void aCardIsDescribed() {
        SystemInfo here = SystemInfo.collect();
        SystemInfo.Card card = new SystemInfo.Card(
                "cuda:0", "NVIDIA H200", "9.0", 150L << 30, 132, 1980, 3201, 6144, true, "cubins for sm_90");
        SystemInfo host = new SystemInfo(
                new SystemInfo.Build("1.0", "0123abc", List.of(80, 90), List.of(80, 90), false, false),
                here.java(),
                new SystemInfo.OperatingSystem("Linux", "6.8", "amd64", null, null),
                new SystemInfo.Memory(null, null),
                new SystemInfo.Processor(null, 16, List.of(), null, null, null, 0, "no kernels for it"),
                new SystemInfo.Cuda(null, "12.8", "570.86.15", 1, List.of(card)),
                here.libraries().stream()
                        .map(l -> new SystemInfo.NativeLibrary(l.name(), null, l.gives()))
                        .toList(),
                here.tools().stream()
                        .map(t -> new SystemInfo.Tool(t.name(), null, t.gives()))
                        .toList(),
                Map.of("jcuda", "12.6.0"),
                List.of("The weather could not be found out: no window."));
        String text = String.join("\n", InfoCommand.lines(host));
        assertTrue(
                text.contains("NVIDIA H200, compute capability 9.0, 153600 MiB, 132 multiprocessors, 1980 MHz,"
                        + " memory 3201 MHz, 6144 bits, ECC on"),
                text);
        assertTrue(text.contains("cubins for sm_90"), text);
        assertTrue(text.contains("emulated driver      not in this build"), text);
        assertTrue(text.contains("cannot be used: no kernels for it"), text);
        assertTrue(text.contains("memory               not known"), text);
        assertTrue(text.contains("The weather could not be found out"), text);
        assertFalse(text.contains("null"), text);
        List<Diagnosis.Advice> advice = Diagnosis.advice(host, true);
        assertEquals(
                List.of("cuBLAS", "FFmpeg", "nvcc", "g++", "cmake"),
                advice.stream().map(Diagnosis.Advice::missing).toList());
        SystemInfo.Cuda noDriver = new SystemInfo.Cuda("libcuda.so.1 was not found", null, null, 2, List.of());
        SystemInfo driverless = new SystemInfo(
                host.vicmae(),
                host.java(),
                host.system(),
                host.memory(),
                host.processor(),
                noDriver,
                host.libraries(),
                host.tools(),
                host.dependencies(),
                host.problems());
        String lines = Diagnosis.advice(driverless, false).stream()
                .map(Diagnosis.Advice::toString)
                .collect(Collectors.joining("\n"));
        assertTrue(lines.contains("NVIDIA's driver, for the 2 card(s) of this machine"), lines);
        assertFalse(lines.contains("cuBLAS"), lines);
    }
}
