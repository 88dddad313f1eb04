import java.lang.ProcessBuilder.Redirect;
import java.util.ArrayList;
import java.util.List;

/**
 * Hold COMMAND...: run COMMAND, which dies with this program, kill -9 included.
 *
 * A Java program can give a child no descriptors but the first three. So autokill stays
 * between: it holds COMMAND, and watches its standard input, whose other end only this
 * program has. COMMAND itself reads from /dev/null.
 */
public class Hold {
    public static void main(String[] command) throws Exception {
        List<String> argv = new ArrayList<>(List.of("autokill", "run", "--hold", "0", "--"));
        argv.addAll(List.of(command));
        Process child = new ProcessBuilder(argv)
                .redirectOutput(Redirect.INHERIT)
                .redirectError(Redirect.INHERIT)
                .start();
        System.out.println("held " + child.pid()); // the pid of autokill
        // child.getOutputStream().close() would kill COMMAND and all that it has started.
        System.out.println("ended " + child.waitFor());
    }
}
