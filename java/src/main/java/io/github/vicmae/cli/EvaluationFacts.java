package io.github.vicmae.cli;

import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.report.Evaluation;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;

/** What was asked of an evaluation and what it ran on, for its page. */
final class EvaluationFacts {
    private final Map<String, Object> facts = new LinkedHashMap<>();

    EvaluationFacts(CommandSpec spec, Path weights, ModelConfig config, Device device) {
        TrunkConfig trunk = config.trunk();
        facts.put(Evaluation.COMMAND, Run.commandLine(spec));
        facts.put("checkpoint", weights.toString());
        facts.put("method", config.objective().method());
        facts.put(
                "encoder",
                trunk.height() + " x " + trunk.width() + " pixels, patches of " + trunk.patch()
                        + (trunk.frames() > 1 ? ", clips of " + trunk.frames() + " frames" : "") + ", width "
                        + trunk.dim() + ", " + trunk.depth() + " blocks, " + trunk.heads() + " heads");
        facts.put("device", device.description());
        facts.put("version", Run.version(spec));
    }

    void put(String name, Object value) {
        facts.put(name, value);
    }

    /** Notes the data of one side. */
    void data(String side, List<Path> paths, List<Sample> samples) {
        long videos = samples.stream().filter(Sample::isVideo).count();
        facts.put(side + " data", paths.stream().map(Path::toString).toList());
        facts.put(
                side + " samples",
                samples.size() + " of " + ClassMatch.classesOf(samples).size() + " classes ("
                        + (samples.size() - videos) + " images, " + videos + " videos)");
    }

    /** All of them, with the date at which the work began, so long ago, and its duration. */
    Map<String, Object> finish(Duration time) {
        ZonedDateTime start = ZonedDateTime.now().minus(time).truncatedTo(ChronoUnit.SECONDS);
        facts.put("date", start.format(DateTimeFormatter.ISO_OFFSET_DATE_TIME));
        facts.put("seconds", Math.round(time.toMillis() / 100.0) / 10.0);
        return facts;
    }
}
