namespace AlpacaCot.World;

internal enum Kind { Person, Village, Thing, Animal }

/// <summary>A person, village, thing or animal with facts.</summary>
/// <param name="HeldOut">Whether the training data contains no question about it.</param>
internal sealed record Entity(Kind Kind, Word Name, bool Female, bool HeldOut)
{
    /// <summary>The name as used inside a sentence: "Mia Liang", "the old lamp".</summary>
    public string In(Language language) => language switch
    {
        Language.English when Kind is Kind.Thing or Kind.Animal => "the " + Name.English,
        _ => Name.In(language),
    };

    public string Pronoun(Language language) => (language, Kind) switch
    {
        (Language.English, Kind.Person) => Female ? "she" : "he",
        (Language.English, _) => "it",
        (_, Kind.Person) => Female ? "她" : "他",
        _ => "它",
    };

    public string Possessive => Kind is Kind.Person ? Female ? "her" : "his" : "its";
}

internal sealed record Fact(Entity Subject, Relation Relation, Word Value);

/// <summary>
/// The world: 40 people, 12 villages, 16 things and 16 animal species with their facts. A quarter of each kind is held out: the
/// base model reads about them like about all others, but tuning never asks about them. Parts of names occur on both sides, so
/// that only the full name identifies an entity. Strangers have names of the same parts and no facts.
/// </summary>
internal sealed class WorldFacts
{
    private readonly Dictionary<(Entity, Relation), Fact> _index = [];

    // Questions about the owner of a held-out pet must not occur anywhere, not even about strangers.
    private readonly Word[] _strangersPets;

    public WorldFacts(Dice dice)
    {
        var families = dice.Shuffle(Lexicon.Families);
        (Word Given, bool Female)[] given = [.. Lexicon.Women.Select(w => (w, true)), .. Lexicon.Men.Select(m => (m, false))];
        People = [.. dice.Shuffle(given.SelectMany((g, i) => new[]
        {
            Person(g.Given, families[i], g.Female, heldOut: false),
            Person(g.Given, families[(i + 7) % families.Length], g.Female, heldOut: i % 2 == 0),
        }))];
        var known = People.Select(p => p.Name).ToHashSet();
        Strangers = [.. given.SelectMany(g => families.Select(f => Person(g.Given, f, g.Female, heldOut: false)))
            .Where(p => !known.Contains(p.Name))];
        Villages = [.. Lexicon.Villages.Chunk(4).SelectMany((same, i) => dice.Pick(same, 2)
            .Select((name, j) => new Entity(Kind.Village, name, false, HeldOut: i % 2 == 0 && j == 1)))];
        Things = Make(Kind.Thing, Lexicon.Things);
        Animals = Make(Kind.Animal, Lexicon.Species);

        Deal(People, PersonRelations.Home, Repeat([.. Villages.Select(v => v.Name)]));
        Deal(People, PersonRelations.Job, Repeat(Lexicon.Jobs));
        Deal(People, PersonRelations.Age, dice.Shuffle(Ages));
        Deal(People, PersonRelations.Pet, Pets);
        Deal(People, PersonRelations.Dish, Repeat(Lexicon.Dishes));
        Deal(People, PersonRelations.Instrument, Repeat(Lexicon.Instruments));
        // Friendship is mutual, so both friends are on the same side of the split.
        foreach (var side in new[] { Asked(People), HeldOut(People) })
            foreach (var pair in side.Chunk(2))
            {
                Add(pair[0], PersonRelations.Friend, pair[1].Name);
                Add(pair[1], PersonRelations.Friend, pair[0].Name);
            }

        Deal(Villages, VillageRelations.Setting, Repeat(Lexicon.Settings));
        Deal(Villages, VillageRelations.Product, Lexicon.Products);
        Deal(Villages, VillageRelations.MarketDay, Repeat(Lexicon.Days));
        Deal(Villages, VillageRelations.Landmark, Repeat(Lexicon.Landmarks));
        Deal(Things, ThingRelations.Material, Repeat(Lexicon.Materials));
        Deal(Things, ThingRelations.Price, dice.Shuffle(Numbers(2, 50)));
        Deal(Things, ThingRelations.Colour, Repeat(Lexicon.Colours));
        Deal(Animals, AnimalRelations.Food, Repeat(Lexicon.Fodder));
        Deal(Animals, AnimalRelations.Bed, Repeat(Lexicon.Beds));
        Facts = [.. _index.Values];
        _strangersPets = [.. Pets.Except(HeldOut(People).Select(p => this[p, PersonRelations.Pet].Value))];

        void Deal(Entity[] entities, Relation relation, IEnumerable<Word> values)
        {
            foreach (var (entity, value) in entities.Zip(dice.Shuffle(values.Take(entities.Length))))
                Add(entity, relation, value);
        }
    }

    public Entity[] People { get; }
    public Entity[] Strangers { get; }
    public Entity[] Villages { get; }
    public Entity[] Things { get; }
    public Entity[] Animals { get; }
    public Fact[] Facts { get; }

    public Fact this[Entity entity, Relation relation] => _index[(entity, relation)];

    public Fact[] About(Entity entity) => [.. Facts.Where(f => f.Subject == entity)];

    /// <summary>A random person or, equally often, a stranger.</summary>
    public Entity Anybody(Dice dice) => dice.Pick(dice.Chance(50) ? People : Strangers);

    /// <summary>Invented facts about a stranger: one statement per relation, not true of any entity.</summary>
    public Fact[] Invent(Entity stranger, Dice dice) =>
    [
        new(stranger, PersonRelations.Home, dice.Pick(Lexicon.Villages)),
        new(stranger, PersonRelations.Job, dice.Pick(Lexicon.Jobs)),
        new(stranger, PersonRelations.Age, dice.Pick(Ages)),
        new(stranger, PersonRelations.Pet, dice.Pick(_strangersPets)),
        new(stranger, PersonRelations.Dish, dice.Pick(Lexicon.Dishes)),
        new(stranger, PersonRelations.Instrument, dice.Pick(Lexicon.Instruments)),
        new(stranger, PersonRelations.Friend, dice.Pick(Strangers).Name),
    ];

    /// <summary>Another value of the relation on the fact's side of the split.</summary>
    public Word Other(Fact fact, Dice dice) =>
        dice.Pick(
            [.. Facts.Where(f => f.Relation == fact.Relation && f.Subject.HeldOut == fact.Subject.HeldOut
                && f.Value != fact.Value)
            .Select(f => f.Value)]);

    public static Entity[] HeldOut(Entity[] entities) => [.. entities.Where(e => e.HeldOut)];

    public static Entity[] Asked(Entity[] entities) => [.. entities.Where(e => !e.HeldOut)];

    private static Word[] Ages { get; } = Numbers(16, 80);

    private static Word[] Pets { get; } =
        [.. Lexicon.Coats.SelectMany(
            c => Lexicon.Species.Select(s => new Word($"{c.English} {s.English}", c.Chinese + s.Chinese)))];

    private void Add(Entity entity, Relation relation, Word value) =>
        _index[(entity, relation)] = new Fact(entity, relation, value);

    /// <summary>"Mia Liang 梁米娅"</summary>
    private static Entity Person(Word given, Word family, bool female, bool heldOut) =>
        new(Kind.Person, new Word($"{given.English} {family.English}", family.Chinese + given.Chinese), female, heldOut);

    private static Entity[] Make(Kind kind, Word[] names) =>
        [.. names.Select((name, i) => new Entity(kind, name, false, HeldOut: i % 4 == 3))];

    private static IEnumerable<Word> Repeat(Word[] words) => Enumerable.Range(0, 64).Select(i => words[i % words.Length]);

    private static Word[] Numbers(int low, int high) => [.. Enumerable.Range(low, high - low + 1).Select(Word.Number)];
}
