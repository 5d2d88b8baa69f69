package io.github.vicmae.cli.evidence;

import io.github.vicmae.cli.evidence.EvidenceTable.Command;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What pre-training on small pictures is worth: methods of equal steps beside an untrained encoder, raw pixels and supervised training.
 *
 * <p>The times were measured on two cores with AVX2.
 */
final class CifarTable {
    static final String NAME = "cifar";

    private static final int PRETRAINING_EPOCHS = 12;
    private static final int FINE_TUNING_EPOCHS = 5;

    /** Encoder and decoder of recipe small, for pictures of 32 pixels. */
    private static final List<String> MODEL = List.of(
            "--model",
            "ti8",
            "--image",
            "32",
            "--patch",
            "4",
            "--dim",
            "96",
            "--depth",
            "4",
            "--decoder-dim",
            "64",
            "--decoder-depth",
            "1",
            "--decoder-heads",
            "2",
            "--lr",
            "1e-2",
            "--mask",
            "0.5");

    /** Heads and weight of the contrastive loss of recipe small. */
    private static final List<String> CONTRAST =
            List.of("--head-hidden", "256", "--head-out", "64", "--lambda-ramp", "constant", "--lambda", "1");

    /** Few steps of a small network: what keeps a large one from learning its data by heart is left out. */
    private static final List<String> FINE_TUNING = List.of(
            "--lr",
            "8e-3",
            "--drop-path",
            "0",
            "--rand-augment",
            "none",
            "--erase",
            "0",
            "--mixup",
            "0",
            "--cutmix",
            "0");

    private static final double VICMAE_SECONDS = 15;
    private static final double MAE_SECONDS = 7;
    private static final double FINE_TUNING_SECONDS = 13;
    private static final double KNN_SECONDS = 9;
    private static final double PROBE_SECONDS = 8;

    private static final String VICMAE = "ViC-MAE";
    private static final String MAE = "MAE";
    private static final String CONTRAST_ONLY = "contrast only";
    private static final String UNTRAINED = "untrained";
    private static final String SCRATCH = "from scratch, steps of fine-tuning";
    private static final String SCRATCH_LONG = "from scratch, steps of pre-training and fine-tuning";

    private CifarTable() {}

    static EvidenceTable of(EvidenceSettings settings, Path out) {
        EvidenceTable.Builder table = new EvidenceTable.Builder();
        Protocols protocols = new Protocols(settings, out, "image");
        for (long seed : settings.seeds()) {
            List<String> vicmae = joined(MODEL, CONTRAST);
            pretrained(
                    table,
                    protocols,
                    VICMAE,
                    seed,
                    protocols.pretrain("vicmae-" + seed, seed, PRETRAINING_EPOCHS, vicmae, VICMAE_SECONDS));
            List<String> mae = joined(List.of("--method", "mae"), MODEL);
            pretrained(
                    table,
                    protocols,
                    MAE,
                    seed,
                    protocols.pretrain("mae-" + seed, seed, PRETRAINING_EPOCHS, mae, MAE_SECONDS));
            List<String> contrast = joined(vicmae, List.of("--recon-weight", "0"));
            pretrained(
                    table,
                    protocols,
                    CONTRAST_ONLY,
                    seed,
                    protocols.pretrain("contrast-" + seed, seed, PRETRAINING_EPOCHS, contrast, VICMAE_SECONDS));
            Command fresh =
                    table.add(protocols.untrained("untrained-" + seed, seed, joined(MODEL, CONTRAST), VICMAE_SECONDS));
            judged(table, protocols, UNTRAINED, seed, fresh, true);
            scratch(table, protocols, SCRATCH, "scratch-" + seed, seed, FINE_TUNING_EPOCHS);
            scratch(
                    table,
                    protocols,
                    SCRATCH_LONG,
                    "scratch-long-" + seed,
                    seed,
                    PRETRAINING_EPOCHS + FINE_TUNING_EPOCHS);
        }
        return table.build(
                NAME,
                "Pre-training on small pictures: methods of equal steps, beside no pre-training and supervised training",
                List.of(Protocols.KNN, Protocols.PROBE, Protocols.FINE_TUNING),
                List.of(VICMAE, MAE, CONTRAST_ONLY, UNTRAINED, Protocols.PIXELS, SCRATCH, SCRATCH_LONG));
    }

    private static void pretrained(
            EvidenceTable.Builder table, Protocols protocols, String row, long seed, Command pretraining) {
        table.add(pretraining);
        judged(table, protocols, row, seed, pretraining, false);
        String run = run(pretraining);
        Command tuned = table.add(
                protocols.finetune(run, run + "-tuned", seed, FINE_TUNING_EPOCHS, FINE_TUNING, FINE_TUNING_SECONDS));
        table.cell(row, Protocols.FINE_TUNING, seed, tuned, null);
    }

    /** @param pixels whether the pixels are judged with the encoder; their nearest neighbours are the same for each seed */
    private static void judged(
            EvidenceTable.Builder table,
            Protocols protocols,
            String row,
            long seed,
            Command pretraining,
            boolean pixels) {
        Command knn = table.add(protocols.knn(run(pretraining), pixels, KNN_SECONDS));
        table.cell(row, Protocols.KNN, seed, knn, null);
        Command probe = table.add(protocols.probe(run(pretraining), seed, pixels, PROBE_SECONDS));
        table.cell(row, Protocols.PROBE, seed, probe, null);
        if (pixels) {
            table.cell(Protocols.PIXELS, Protocols.KNN, seed, knn, Protocols.PIXELS);
            table.cell(Protocols.PIXELS, Protocols.PROBE, seed, probe, Protocols.PIXELS);
        }
    }

    /** The untrained encoder with all layers learning alike. */
    private static void scratch(
            EvidenceTable.Builder table, Protocols protocols, String row, String name, long seed, int epochs) {
        List<String> options = joined(FINE_TUNING, List.of("--layer-decay", "1"));
        Command trained =
                table.add(protocols.finetune("untrained-" + seed, name, seed, epochs, options, FINE_TUNING_SECONDS));
        table.cell(row, Protocols.FINE_TUNING, seed, trained, null);
    }

    private static String run(Command pretraining) {
        return pretraining.result().getParent().getFileName().toString();
    }

    private static List<String> joined(List<String> first, List<String> second) {
        List<String> all = new ArrayList<>(first);
        all.addAll(second);
        return all;
    }
}
