package io.github.vicmae.cli;

import io.github.vicmae.settings.SettingYaml;
import io.github.vicmae.train.Recipe;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists the recipes. */
@Command(
        name = "recipes",
        mixinStandardHelpOptions = true,
        description =
                "List the named sets of settings that --recipe of pretrain and finetune takes, with their sources.")
final class RecipesCommand implements Callable<Integer> {
    private static final int WIDTH = 100;
    private static final int NAME_WIDTH = 14;

    @Parameters(
            arity = "0..1",
            paramLabel = "NAME",
            description = "print this one's settings, as a file for --settings")
    private String name;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (name != null) {
            Recipe recipe = Recipe.named(name);
            out.println("# " + recipe.title());
            out.print(SettingYaml.write(recipe.settings()));
            return 0;
        }
        for (Recipe recipe : Recipe.all()) {
            out.printf("%-" + NAME_WIDTH + "s %s%n", recipe.name(), recipe.title());
            out.println(wrapped("Source: " + recipe.source() + "."));
        }
        return 0;
    }

    /** Lines of no more than {@link #WIDTH} columns, indented. */
    private static String wrapped(String text) {
        String indent = " ".repeat(NAME_WIDTH + 1);
        StringBuilder lines = new StringBuilder(indent);
        int column = indent.length();
        for (String word : text.split(" ")) {
            if (column > indent.length() && column + 1 + word.length() > WIDTH) {
                lines.append(System.lineSeparator()).append(indent);
                column = indent.length();
            } else if (column > indent.length()) {
                lines.append(' ');
                column++;
            }
            lines.append(word);
            column += word.length();
        }
        return lines.toString();
    }
}
