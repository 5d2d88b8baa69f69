package io.github.vicmae.cli;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.Fingerprint;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.EncoderOptions;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.Thumbnails;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.JsonText;
import io.github.vicmae.report.SearchPage;
import io.github.vicmae.search.Collection;
import io.github.vicmae.search.IndexFolder;
import io.github.vicmae.search.Query;
import io.github.vicmae.search.QueryFeatures;
import io.github.vicmae.search.SearchIndex;
import io.github.vicmae.search.SearchIndex.Hit;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Finds what looks alike. */
@Command(
        name = "search",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        customSynopsis = {
            "vicmae search INDEX QUERY... [-k N] [--page FILE.html] [--json]",
            "vicmae search MODEL|RUN QUERY... DATA"
        },
        description = {
            "Find the pictures and the moments of videos that are nearest to a picture, a video (the mean over its frames) or"
                    + " a moment of one, clip.mp4@12.4. INDEX is a folder of 'vicmae index'. With MODEL the index of DATA is"
                    + " made in the cache folder first, which is printed, and used again the next time."
        })
final class SearchCommand implements Callable<Integer> {
    @Parameters(
            arity = "2..*",
            paramLabel = "INDEX|MODEL QUERY... [DATA]",
            hideParamSyntax = true,
            description = "an index and queries; or a checkpoint or run, queries, and last the data")
    private List<Path> given;

    @Option(
            names = {"-k", "--count"},
            paramLabel = "N",
            defaultValue = "10",
            description = "how many are found for each query (default: ${DEFAULT-VALUE})")
    private int k;

    @Option(
            names = "--per-file",
            paramLabel = "N",
            defaultValue = "3",
            description =
                    "moments of one video at most; of moments next to one another the nearest stands for the others"
                            + " (default: ${DEFAULT-VALUE})")
    private int perFile;

    @Option(
            names = "--page",
            paramLabel = "FILE.html",
            description = "write a page of thumbnails, one file that needs no other")
    private Path page;

    @Option(names = "--json", description = "print JSON in place of the lines")
    private boolean json;

    @Option(
            names = "--model",
            paramLabel = "MODEL|RUN",
            description = "the index's model, where its file is not where it was")
    private Path model;

    @Mixin
    private EmbeddingOptions options;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    /** A query with what was found. */
    private record Answer(Query query, List<Hit> hits) {}

    @Override
    public Integer call() throws IOException {
        if (k < 1 || perFile < 1) {
            throw new IllegalArgumentException("-k and --per-file must be at least 1, not " + k + " and " + perFile);
        }
        if (page != null) {
            AtomicFile.checkWritable(page);
        }
        PrintWriter err = spec.commandLine().getErr();
        Path first = given.get(0);
        boolean isIndex = IndexFolder.exists(first);
        if (IndexFolder.isUnfinished(first)) {
            throw new IOException("The index " + first + " is not finished; the 'vicmae index' that began it goes on");
        }
        if (!isIndex && given.size() < 3) {
            throw new IOException(
                    Files.exists(first)
                            ? first + " is no index, so it has to be a model, followed by queries and at last the data:"
                                    + " vicmae search MODEL QUERY... DATA"
                            : "There is no index or model " + first);
        }
        List<Query> queries = new ArrayList<>();
        for (Path query : given.subList(1, isIndex ? given.size() : given.size() - 1)) {
            queries.add(Query.parse(query)); // refused before any work
        }
        try (Device d = device.open()) {
            Path folder = isIndex ? first : cached(first, given.get(given.size() - 1), d, err);
            try (SearchIndex index = SearchIndex.open(folder)) {
                List<Answer> answers = answers(index, queries, folder, d);
                print(answers, folder);
                if (page != null) {
                    write(index, answers, folder);
                    err.println("the page: " + page);
                }
            }
        }
        return 0;
    }

    private Path cached(Path given, Path data, Device d, PrintWriter err) throws IOException {
        Path weights = RunFolder.weights(given);
        double every = EmbeddingOptions.seconds("--every", IndexCommand.EVERY);
        Path folder = IndexCache.folder(weights, List.of(data), options.tokens() + " " + every + options.variant());
        err.println("the index: " + folder);
        new IndexBuild(folder, given, weights, options, options.stream(1, every), err).run(List.of(data), d);
        return folder;
    }

    private List<Answer> answers(SearchIndex index, List<Query> queries, Path folder, Device d) throws IOException {
        EmbeddingSettings settings = index.settings();
        Path weights = weights(settings, folder);
        List<Answer> answers = new ArrayList<>();
        // In the precision of the index: features of two are not the same.
        EncoderOptions loading = options.loading().precision(Precision.of(settings.precision()));
        try (Encoder encoder = loading.batch(QueryFeatures.FRAMES).load(weights, d)) {
            QueryFeatures features = new QueryFeatures(
                    encoder.views(),
                    encoder.features(FeatureTokens.valueOf(settings.tokens().toUpperCase(Locale.ROOT))));
            for (Query query : queries) {
                String location = query.location();
                double near = 2 * settings.every();
                answers.add(new Answer(
                        query,
                        index.search(
                                features.of(query),
                                k,
                                perFile,
                                // not the query itself
                                (file, seconds) -> file.path().equals(location)
                                        && !(Math.abs(seconds - query.seconds()) > near))));
            }
        }
        return answers;
    }

    /** The index's own model, unchanged. */
    private Path weights(EmbeddingSettings settings, Path folder) throws IOException {
        Path weights = model == null ? Path.of(settings.model()) : RunFolder.weights(model);
        if (!Files.exists(weights)) {
            throw new IOException("The model of the index, " + weights + ", is not there any more; name its file with"
                    + " --model, or make the index anew with another model");
        }
        String fingerprint = Fingerprint.of(weights);
        if (!fingerprint.equals(settings.fingerprint())) {
            throw new IOException(folder + " was made with another model than " + weights + " is (SHA-256 "
                    + settings.fingerprint().substring(0, 12) + "..., not " + fingerprint.substring(0, 12)
                    + "...), and features of two models cannot be compared; "
                    + (model == null ? "the file has changed since: " : "")
                    + "make a new index with it, or name the former one with --model");
        }
        return weights;
    }

    private void print(List<Answer> answers, Path folder) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            List<Object> all = new ArrayList<>();
            for (Answer answer : answers) {
                Map<String, Object> tree = new LinkedHashMap<>();
                tree.put("query", answer.query.text());
                tree.put("hits", answer.hits.stream().map(SearchCommand::tree).toList());
                all.add(tree);
            }
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("index", folder.toString());
            tree.put("answers", all);
            out.println(JsonText.indented(tree));
            return;
        }
        for (Answer answer : answers) {
            out.println(answer.query.text());
            for (Hit hit : answer.hits) {
                String moment = Query.moment(hit.seconds());
                out.println(String.format(Locale.ROOT, "  %.3f  ", hit.similarity())
                        + FilesShown.name(hit.file().path())
                        + (moment.isEmpty() ? "" : " @ " + moment));
            }
        }
    }

    private static Map<String, Object> tree(Hit hit) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("path", hit.file().path());
        tree.put("seconds", Double.isNaN(hit.seconds()) ? null : hit.seconds());
        tree.put("class", hit.file().className());
        tree.put("similarity", hit.similarity());
        return tree;
    }

    private void write(SearchIndex index, List<Answer> answers, Path folder) throws IOException {
        Collection collection = new Collection(index.data());
        List<SearchPage.Group> groups = new ArrayList<>();
        for (Answer answer : answers) {
            Query query = answer.query;
            SearchPage.Item asked = new SearchPage.Item(
                    Thumbnails.of(Content.of(query.file()), query.kind(), query.seconds()),
                    FileNames.printable(query.location()),
                    FilesShown.link(query.file(), query.seconds()),
                    Query.moment(query.seconds()),
                    FilesShown.folder(query.location()),
                    Double.NaN);
            List<SearchPage.Item> found = new ArrayList<>();
            for (Hit hit : answer.hits) {
                found.add(FilesShown.item(collection, hit.file(), hit.seconds(), hit.similarity()));
            }
            groups.add(new SearchPage.Group(null, asked, found));
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("index", folder.toString());
        facts.put("model", index.settings().model());
        facts.put("rows", String.format(Locale.ROOT, "%,d", index.rows()));
        facts.put("files", String.format(Locale.ROOT, "%,d", index.files().size()));
        facts.put("search", index.isExact() ? "exact" : "approximate (HNSW)");
        facts.put("command", Run.commandLine(spec));
        long videos = index.files().stream().filter(EmbeddedFile::isVideo).count();
        String title = answers.size() == 1
                ? "Nearest to " + name(answers.get(0).query)
                : "Nearest to " + answers.size() + " queries";
        String summary = String.format(
                Locale.ROOT,
                "Among %,d pictures and %,d moments of %,d videos, by the cosine of the encoder\u2019s features.",
                index.files().size() - videos,
                index.rows() - (index.files().size() - videos),
                videos);
        SearchPage.write(page, title, summary, groups, facts);
    }

    private static String name(Query query) {
        return query.text().substring(query.text().lastIndexOf('/') + 1);
    }
}
