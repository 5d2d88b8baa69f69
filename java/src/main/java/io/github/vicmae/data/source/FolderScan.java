package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The videos and images below one folder, sorted by relative path; the first folder level is the class. */
record FolderScan(List<Dataset.Found> found, int ignored, List<String> problems) {
    static FolderScan of(Path root) throws IOException {
        Map<String, Path> files = new TreeMap<>(Comparator.naturalOrder());
        List<String> problems = new ArrayList<>();
        int[] ignored = new int[1];
        Files.walkFileTree(
                root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        if (attributes.isRegularFile() && Kind.of(file) != null) {
                            files.put(relative(root, file), file);
                        } else {
                            ignored[0]++;
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException e) {
                        if (!(e instanceof FileSystemLoopException)) {
                            problems.add("Could not look at " + file + ": " + ReadFailure.reason(e) + ".");
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path folder, IOException e) {
                        if (e != null) {
                            problems.add("Could not list all of " + folder + ": " + ReadFailure.reason(e) + ".");
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        List<Dataset.Found> found = new ArrayList<>(files.size());
        files.forEach((name, path) -> {
            int slash = name.indexOf('/');
            found.add(new Dataset.Found(path, Kind.of(path), slash < 0 ? null : name.substring(0, slash)));
        });
        return new FolderScan(found, ignored[0], problems);
    }

    private static String relative(Path root, Path file) {
        Path path = root.relativize(file);
        StringBuilder text = new StringBuilder();
        for (Path part : path) {
            text.append(text.length() == 0 ? "" : "/").append(part);
        }
        return text.toString();
    }
}
