package io.github.vicmae.report;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a run was and where it ran, in its folder's {@code run.json}: what neither its settings nor its metrics say. Runs of older versions have none.
 *
 * @param data what it trains on, in words
 * @param model its encoder and decoder, in words
 * @param parameters that are trained
 * @param sessions the processes that worked on it, in their order
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record RunFacts(String data, String model, long parameters, List<Session> sessions) {
    private static final String FILE = "run.json";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** A run of which nothing is known. */
    public static final RunFacts NONE = new RunFacts("", "", 0, List.of());

    public RunFacts {
        sessions = sessions == null ? List.of() : List.copyOf(sessions);
    }

    /**
     * A process that worked on a run.
     *
     * @param command the command line, empty if it was called by another program
     * @param version of this library, empty if unknown
     * @param device what it ran on, in words
     * @param started when, in ISO 8601 with the time zone
     * @param seconds from there to the last report
     * @param from steps that were done before
     * @param to steps that were done at the last report
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Session(
            String command, String version, String device, String started, double seconds, long from, long to) {
        public Session {
            command = command == null ? "" : command;
            version = version == null ? "" : version;
            device = device == null ? "" : device;
            started = started == null ? "" : started;
        }
    }

    /** What is known of the run in a folder; {@link #NONE} where there is no such file, or it is damaged. */
    public static RunFacts read(Path run) {
        try {
            RunFacts facts = MAPPER.readValue(Files.readAllBytes(run.resolve(FILE)), RunFacts.class);
            return facts == null ? NONE : facts;
        } catch (IOException e) {
            return NONE;
        }
    }

    /** The same with a further process, or its latest state: one that started at the same time is replaced. */
    public RunFacts with(Session session) {
        List<Session> all = new ArrayList<>(sessions);
        all.removeIf(s -> s.started().equals(session.started()));
        all.add(session);
        return new RunFacts(data, model, parameters, all);
    }

    /**
     * Writes the file.
     *
     * @throws IOException if it cannot be written
     */
    public void write(Path run) throws IOException {
        try {
            AtomicFile.write(
                    run.resolve(FILE), MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(this));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A run's facts are no JSON", e);
        }
    }

    /** Seconds of all processes together. */
    double seconds() {
        return sessions.stream().mapToDouble(Session::seconds).sum();
    }
}
