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
import java.util.EnumSet;
import java.util.Set;

/**
 * A walk over the files below a folder. What is hidden (its name begins with a dot) or kept there by a system ({@code @eaDir}, {@code __MACOSX},
 * {@code $RECYCLE.BIN}) is left out. Symbolic links are followed, loops are left out.
 */
abstract class FolderWalk extends SimpleFileVisitor<Path> {
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
    private final ScanReport report = new ScanReport();

    FolderWalk(Path root) {
        this.root = root;
    }

    /**
     * Looks at a file.
     *
     * @param name its path relative to the folder, with slashes
     * @return why it is left out, or null if it is taken
     */
    abstract Reason take(String name, Path file);

    /** Goes over all files, in no particular order, and says what was left out. */
    final ScanReport walk() throws IOException {
        Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, this);
        return report;
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
        Reason reason = isHidden(file)
                ? Reason.HIDDEN
                : !attributes.isRegularFile() ? Reason.UNKNOWN : take(FileNames.text(root.relativize(file)), file);
        if (reason != null) {
            leaveOut(reason, file);
        }
        return FileVisitResult.CONTINUE;
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
        report.add(Reason.UNREADABLE, FileNames.printable(FileNames.text(path)) + " (" + ReadFailure.reason(e) + ")");
    }
}
