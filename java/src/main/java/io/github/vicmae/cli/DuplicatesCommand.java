package io.github.vicmae.cli;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.JsonText;
import io.github.vicmae.report.SearchPage;
import io.github.vicmae.search.Collection;
import io.github.vicmae.search.Duplicates;
import io.github.vicmae.search.Duplicates.Group;
import io.github.vicmae.search.Duplicates.Member;
import io.github.vicmae.search.IndexFolder;
import io.github.vicmae.search.SearchIndex;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
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

/** Finds what is there twice. */
@Command(
        name = "duplicates",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Find pictures and videos that are there twice: copies byte for byte, and with a model or an index those that look"
                    + " alike. Nothing is deleted."
        })
final class DuplicatesCommand implements Callable<Integer> {
    private static final double MEBIBYTE = 1 << 20;

    @Parameters(
            arity = "1..*",
            paramLabel = "INDEX|DATA",
            description = "an index of 'vicmae index', or folders, lists, tar files, images or videos")
    private List<Path> given;

    @Option(
            names = "--model",
            paramLabel = "MODEL|RUN",
            description =
                    "compares DATA by this encoder's features, whose index is made in the cache folder; without it only"
                            + " copies are found")
    private Path model;

    @Option(
            names = "--threshold",
            paramLabel = "S",
            defaultValue = "0.95",
            description =
                    "least similarity of near-duplicates: the cosine of the features, the collection's mean subtracted"
                            + " (default: ${DEFAULT-VALUE})")
    private double threshold;

    @Option(
            names = "--page",
            paramLabel = "FILE.html",
            description = "write a page of thumbnails, one file that needs no other")
    private Path page;

    @Option(names = "--json", description = "print JSON in place of the lines")
    private boolean json;

    @Mixin
    private EmbeddingOptions options;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (!(threshold > 0 && threshold <= 1)) {
            throw new IllegalArgumentException("--threshold must be above 0 and at most 1, not " + threshold);
        }
        if (page != null) {
            AtomicFile.checkWritable(page);
        }
        PrintWriter err = spec.commandLine().getErr();
        boolean isIndex = given.size() == 1 && IndexFolder.exists(given.get(0));
        List<String> roots;
        List<Group> groups;
        if (isIndex || model != null) {
            try (SearchIndex index = SearchIndex.open(isIndex ? given.get(0) : cached(err))) {
                roots = index.data();
                groups = alike(index, err);
            }
        } else {
            err.println("note: without --model or an index only copies byte for byte are looked for");
            roots = IndexBuild.absolute(given);
            groups = Duplicates.ofCopies(copies(scan(roots, err), new Collection(roots), err));
        }
        print(groups);
        if (page != null) {
            write(groups, new Collection(roots));
            err.println("the page: " + page);
        }
        return 0;
    }

    private Path cached(PrintWriter err) throws IOException {
        Path weights = RunFolder.weights(model);
        double every = EmbeddingOptions.seconds("--every", IndexCommand.EVERY);
        Path folder = IndexCache.folder(weights, given, options.tokens() + " " + every);
        err.println("the index: " + folder);
        try (Device d = device.open()) {
            new IndexBuild(folder, model, weights, options, options.stream(1, every), err).run(given, d);
        }
        return folder;
    }

    private List<Group> alike(SearchIndex index, PrintWriter err) throws IOException {
        Map<EmbeddedFile, List<EmbeddedFile>> copies = copies(index.files(), new Collection(index.data()), err);
        try (SampleProgress progress =
                new SampleProgress(err, "compared", index.files().size())) {
            return Duplicates.find(index, copies, threshold, progress);
        }
    }

    private static Map<EmbeddedFile, List<EmbeddedFile>> copies(
            List<EmbeddedFile> files, Collection collection, PrintWriter err) {
        return Duplicates.copies(
                files, collection::content, reason -> err.println("warning: not compared byte for byte: " + reason));
    }

    private static List<EmbeddedFile> scan(List<String> roots, PrintWriter err) throws IOException {
        Dataset data = Dataset.scan(roots.stream().map(FileNames::path).toList());
        data.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        Map<String, EmbeddedFile> files = new LinkedHashMap<>();
        for (Sample sample : data.samples()) {
            Content content = sample.content();
            files.putIfAbsent(
                    content.location(),
                    new EmbeddedFile(
                            content.location(),
                            content.size(),
                            0,
                            sample.isVideo(),
                            sample.className(),
                            null,
                            1,
                            null));
        }
        return new ArrayList<>(files.values());
    }

    private void print(List<Group> groups) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            List<Object> all = new ArrayList<>();
            for (Group group : groups) {
                Map<String, Object> tree = new LinkedHashMap<>();
                tree.put("path", group.first().path());
                tree.put("bytes", group.first().bytes());
                List<Object> others = new ArrayList<>();
                for (Member member : group.others()) {
                    Map<String, Object> other = new LinkedHashMap<>();
                    other.put("path", member.file().path());
                    other.put("bytes", member.file().bytes());
                    other.put("copy", member.isCopy());
                    other.put("similarity", member.similarity());
                    others.add(other);
                }
                tree.put("duplicates", others);
                all.add(tree);
            }
            out.println(JsonText.indented(Map.of("groups", all)));
            return;
        }
        for (Group group : groups) {
            out.println(FilesShown.name(group.first().path()));
            for (Member member : group.others()) {
                out.println("  " + note(member) + "  "
                        + FilesShown.name(member.file().path()));
            }
        }
        out.println(summary(groups));
    }

    private static String note(Member member) {
        return member.isCopy() ? "copy " : String.format(Locale.ROOT, "%.3f", member.similarity());
    }

    private static String summary(List<Group> groups) {
        if (groups.isEmpty()) {
            return "no duplicates";
        }
        long copies = groups.stream()
                .flatMap(group -> group.others().stream())
                .filter(Member::isCopy)
                .count();
        int others = groups.stream().mapToInt(group -> group.others().size()).sum();
        return String.format(
                Locale.ROOT,
                "%,d group%s: beside the first of each %,d cop%s and %,d that look%s alike, %.1f MiB",
                groups.size(),
                groups.size() == 1 ? "" : "s",
                copies,
                copies == 1 ? "y" : "ies",
                others - copies,
                others - copies == 1 ? "s" : "",
                groups.stream().mapToLong(Group::bytes).sum() / MEBIBYTE);
    }

    private void write(List<Group> groups, Collection collection) throws IOException {
        List<SearchPage.Group> shown = new ArrayList<>();
        for (Group group : groups) {
            List<SearchPage.Item> others = new ArrayList<>();
            for (Member member : group.others()) {
                SearchPage.Item item = FilesShown.item(
                        collection, member.file(), Double.NaN, member.isCopy() ? Double.NaN : member.similarity());
                others.add(new SearchPage.Item(
                        item.picture(),
                        item.path(),
                        item.link(),
                        member.isCopy() ? "copy" : "",
                        item.note(),
                        item.similarity()));
            }
            shown.add(new SearchPage.Group(
                    null, FilesShown.item(collection, group.first(), Double.NaN, Double.NaN), others));
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("threshold", String.valueOf(threshold));
        facts.put("command", Run.commandLine(spec));
        SearchPage.write(page, "Duplicates", summary(groups) + ".", shown, facts);
    }
}
