using System.Globalization;
using AlpacaCot.World;

string folder = "";
long seed = 1;
var documents = 60_000;
for (var i = 0; i < args.Length; i += 2)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    var understood = args[i] switch
    {
        "--out" => (folder = value).Length > 0,
        "--seed" => long.TryParse(value, CultureInfo.InvariantCulture, out seed),
        "--documents" => int.TryParse(value, CultureInfo.InvariantCulture, out documents) && documents > 0,
        _ => false,
    };
    if (!understood) return Usage($"invalid argument: {args[i]} {value}");
}
if (folder.Length == 0) return Usage("--out is missing");

var output = new Output(seed, documents);
output.Write(folder);
Console.WriteLine($"{output.World.Facts.Length} facts, {output.Documents.Length} documents of "
    + $"{output.Documents.Average(d => d.Length):F0} characters, {output.Train.Length} training records, "
    + $"{output.HeldOut.Length} held-out records -> {folder}");
return 0;

static int Usage(string problem)
{
    Console.Error.WriteLine(
        $"{problem}\nusage: dotnet run --project samples/World -c Release -- --out DIR [--seed N] [--documents N]");
    return 2;
}
