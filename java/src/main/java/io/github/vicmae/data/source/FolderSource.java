package io.github.vicmae.data.source;

import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/**
 * The videos and images below one folder, at any depth, in the order of their relative paths. The first folder level is the class; files that
 * lie directly in the folder have none.
 *
 * <p>Files are taken by their extension ({@link Kind}). What is hidden (its name begins with a dot) or kept there by a system
 * ({@code @eaDir}, {@code __MACOSX}, {@code $RECYCLE.BIN}) is no data and left out. Symbolic links are followed, loops are left out.
 */
public final class FolderSource implements SampleSource {
    private static final Set<String> SYSTEM = Set.of(
            "@eaDir",
            "@Recycle",
            "#recycle",
            "#snapshot",
            "$RECYCLE.BIN",
            "System Volume Information",
            "__MACOSX",
            "lost+found");

    private final Path root;

    public FolderSource(Path root) {
        this.root = root;
    }

    @Override
    public Scan scan() throws IOException {
        Visitor visitor = new Visitor(root);
        Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, visitor);
        List<Found> found = new ArrayList<>(visitor.files.size());
        visitor.files.forEach((name, path) -> {
            int slash = name.indexOf('/');
            String className = slash < 0 ? null : FileNames.printable(name.substring(0, slash));
            found.add(new Found(name, Content.of(path), Kind.of(name), className));
        });
        return new Scan(found, found.stream().allMatch(f -> f.className() == null), visitor.report);
    }

    private static final class Visitor extends SimpleFileVisitor<Path> {
        private final Path root;
        private final TreeMap<String, Path> files = new TreeMap<>();
        private final ScanReport report = new ScanReport();

        Visitor(Path root) {
            this.root = root;
        }

        private void leaveOut(Reason reason, Path path) {
            report.add(reason, FileNames.printable(FileNames.text(root.relativize(path))));
        }

        private static boolean isHidden(Path path) {
            Path name = path.getFileName();
            return name != null && (name.toString().startsWith(".") || SYSTEM.contains(name.toString()));
        }

        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            if (folder.equals(root) || !isHidden(folder)) {
                return FileVisitResult.CONTINUE;
            }
            leaveOut(Reason.HIDDEN, folder);
            return FileVisitResult.SKIP_SUBTREE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            String name = FileNames.text(root.relativize(file));
            if (isHidden(file)) {
                leaveOut(Reason.HIDDEN, file);
            } else if (!attributes.isRegularFile() || Kind.of(name) == null) {
                leaveOut(Reason.UNKNOWN, file);
            } else if (Kind.isAmbiguous(name) && !isTransportStream(file)) {
                leaveOut(Reason.OTHER_CONTENT, file);
            } else {
                files.put(name, file);
            }
            return FileVisitResult.CONTINUE;
        }

        /** A file that cannot be opened, or is a Git LFS pointer, counts as the video that its name promises: reading it reports the problem. */
        private static boolean isTransportStream(Path file) {
            Content content = Content.of(file);
            try {
                return Kind.isTransportStream(content) || ReadFailure.gitLfsPointer(content) != null;
            } catch (IOException e) {
                return true;
            }
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) {
            if (e instanceof FileSystemLoopException) {
                leaveOut(Reason.LOOP, file);
            } else if (!file.equals(root) && isHidden(file)) {
                leaveOut(Reason.HIDDEN, file);
            } else {
                unreadable(file, e);
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path folder, IOException e) {
            if (e != null) {
                unreadable(folder, e);
            }
            return FileVisitResult.CONTINUE;
        }

        private void unreadable(Path path, IOException e) {
            report.add(
                    Reason.UNREADABLE, FileNames.printable(FileNames.text(path)) + " (" + ReadFailure.reason(e) + ")");
        }
    }
}
