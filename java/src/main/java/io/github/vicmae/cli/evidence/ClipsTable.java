package io.github.vicmae.cli.evidence;

import io.github.vicmae.cli.evidence.EvidenceTable.Command;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What the distance between the two frames and the way of pooling are worth on short clips: the ablations of the paper at the demo's size.
 *
 * <p>The times were measured on two cores with AVX2.
 */
final class ClipsTable {
    static final String NAME = "clips";

    private static final int EPOCHS = 40;
    private static final double SECONDS = 2.4;
    private static final double KNN_SECONDS = 12;
    private static final double PROBE_SECONDS = 12;

    /** The demo's model and settings. */
    private static final List<String> RECIPE = List.of("--recipe", "small");

    private static final String UNTRAINED = "untrained";

    /**
     * A form of ViC-MAE.
     *
     * @param run the beginning of its runs' names
     * @param options in which it differs from the first
     */
    private record Form(String row, String run, List<String> options) {}

    private static final List<Form> FORMS = List.of(
            new Form("distant frames, mean pooling", "distant", List.of()),
            new Form("frame distance 4", "distance4", List.of("--frame-distance", "4")),
            new Form("frame distance 0", "distance0", List.of("--frame-distance", "0")),
            new Form("max pooling", "max", List.of("--pooling", "max")),
            new Form("GeM pooling", "gem", List.of("--pooling", "gem")),
            new Form("class token", "cls", List.of("--pooling", "cls")));

    private ClipsTable() {}

    static EvidenceTable of(EvidenceSettings settings, Path out) {
        EvidenceTable.Builder table = new EvidenceTable.Builder();
        Protocols protocols = new Protocols(settings, out, "video");
        for (long seed : settings.seeds()) {
            for (Form form : FORMS) {
                List<String> options = new ArrayList<>(RECIPE);
                options.addAll(form.options);
                String name = form.run + "-" + seed;
                table.add(protocols.pretrain(name, seed, EPOCHS, options, SECONDS));
                judged(table, protocols, form.row, name, seed, false);
            }
            String name = UNTRAINED + "-" + seed;
            table.add(protocols.untrained(name, seed, RECIPE, SECONDS));
            judged(table, protocols, UNTRAINED, name, seed, true);
        }
        List<String> order = new ArrayList<>(FORMS.stream().map(Form::row).toList());
        order.addAll(List.of(UNTRAINED, Protocols.PIXELS));
        return table.build(
                NAME,
                "ViC-MAE on short clips: the distance of the two frames, and the pooling",
                List.of(Protocols.KNN, Protocols.PROBE),
                order);
    }

    /** @param pixels whether the pixels are judged with the encoder; their nearest neighbours are the same for each seed */
    private static void judged(
            EvidenceTable.Builder table, Protocols protocols, String row, String name, long seed, boolean pixels) {
        Command knn = table.add(protocols.knn(name, pixels, KNN_SECONDS));
        table.cell(row, Protocols.KNN, seed, knn, null);
        Command probe = table.add(protocols.probe(name, seed, pixels, PROBE_SECONDS));
        table.cell(row, Protocols.PROBE, seed, probe, null);
        if (pixels) {
            table.cell(Protocols.PIXELS, Protocols.KNN, seed, knn, Protocols.PIXELS);
            table.cell(Protocols.PIXELS, Protocols.PROBE, seed, probe, Protocols.PIXELS);
        }
    }
}
