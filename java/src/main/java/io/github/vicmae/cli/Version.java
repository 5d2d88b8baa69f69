package io.github.vicmae.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine;

/** The version and the Git commit that the build recorded. */
public final class Version implements CommandLine.IVersionProvider {
    private static final String BUILD = "/io/github/vicmae/build.properties";

    @Override
    public String[] getVersion() throws IOException {
        Properties build = new Properties();
        try (InputStream in = Version.class.getResourceAsStream(BUILD)) {
            if (in != null) {
                build.load(in);
            }
        }
        String commit = build.getProperty("commit", "");
        return new String[] {
            "vicmae " + build.getProperty("version", "(not built by Maven)")
                    + (commit.isEmpty() ? "" : ", commit " + commit)
        };
    }
}
